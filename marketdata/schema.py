"""Whether the database has the schema of this software."""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

_NAMED = 5


def schema_problem() -> str:
    """Which migrations are missing and what to do, or "". Raises Django's database errors."""
    executor = MigrationExecutor(connection)
    missing = [str(migration) for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if not missing:
        return ""
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return f"The database has an old schema, without {', '.join(missing[:_NAMED])}{more}: run `manage.py migrate`."
