"""The group of people who manage their own bots in the admin."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

EDITED = ("account", "bot")
READ = (
    "auditentry",
    "balance",
    "botlease",
    "decision",
    "fill",
    "installation",
    "intent",
    "journalleg",
    "order",
    "orderevent",
    "performancesnapshot",
    "position",
    "session",
    "signal",
    "trade",
)
MARKETS = ("exchange", "feedevent", "feedstatus", "instrument")


def make_group(apps, schema_editor):
    # Django makes permissions after all migrations; this one needs them now.
    for label in ("bots", "marketdata"):
        create_permissions(installed.get_app_config(label), apps=apps, verbosity=0)
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name="traders")
    wanted = {("bots", f"view_{model}") for model in (*EDITED, *READ)}
    wanted |= {("bots", f"{verb}_{model}") for model in EDITED for verb in ("add", "change", "delete")}
    wanted |= {("marketdata", f"view_{model}") for model in MARKETS}
    for permission in apps.get_model("auth", "Permission").objects.select_related("content_type"):
        if (permission.content_type.app_label, permission.codename) in wanted:
            group.permissions.add(permission)


def remove_group(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name="traders").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("bots", "0002_installation"),
        ("marketdata", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make_group, remove_group)]
