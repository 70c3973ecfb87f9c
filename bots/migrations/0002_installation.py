from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def create_installation(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("bots", "Installation").objects.get_or_create(pk=1)


class Migration(migrations.Migration):
    """The one row that every gate reads."""

    dependencies = [("bots", "0001_initial")]

    operations = [migrations.RunPython(create_installation, migrations.RunPython.noop)]
