"""Traders read what others did on their accounts, and how those stand with their venues."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

SEEN = ("venuestate", "externalorder", "externalfill")


def let_read(apps, schema_editor):
    # Django makes permissions after all migrations; this one needs them now.
    create_permissions(installed.get_app_config("bots"), apps=apps, verbosity=0)
    group = apps.get_model("auth", "Group").objects.filter(name="traders").first()
    names = [f"view_{model}" for model in SEEN]
    permissions = apps.get_model("auth", "Permission").objects
    if group is not None:
        group.permissions.add(*permissions.filter(content_type__app_label="bots", codename__in=names))


class Migration(migrations.Migration):
    dependencies = [
        ("bots", "0016_risk_settings"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.AlterModelOptions(
            name="venuestate",
            options={"verbose_name": "standing with the venue", "verbose_name_plural": "standing with venues"},
        ),
        migrations.AlterModelOptions(
            name="externalorder",
            options={
                "ordering": ("-first_seen_at",),
                "verbose_name": "order of others",
                "verbose_name_plural": "orders of others",
            },
        ),
        migrations.AlterModelOptions(
            name="externalfill",
            options={
                "ordering": ("-created_at",),
                "verbose_name": "trade of others",
                "verbose_name_plural": "trades of others",
            },
        ),
        migrations.RunPython(let_read, migrations.RunPython.noop),
    ]
