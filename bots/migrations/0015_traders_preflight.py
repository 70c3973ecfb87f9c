"""Traders read the pre-flights of their bots."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations


def let_read(apps, schema_editor):
    # Django makes permissions after all migrations; this one needs them now.
    create_permissions(installed.get_app_config("bots"), apps=apps, verbosity=0)
    group = apps.get_model("auth", "Group").objects.filter(name="traders").first()
    permissions = apps.get_model("auth", "Permission").objects
    seen = permissions.filter(content_type__app_label="bots", codename="view_preflightrun").first()
    if group is not None and seen is not None:
        group.permissions.add(seen)


class Migration(migrations.Migration):
    dependencies = [
        ("bots", "0014_venue_books"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.AlterModelOptions(
            name="preflightrun", options={"ordering": ("-at", "-pk"), "verbose_name": "pre-flight run"}
        ),
        migrations.RunPython(let_read, migrations.RunPython.noop),
    ]
