"""Bring an installation up to date: schema, static files, the demo. Run as `python -m tradingsite.local.prepare`.

A process of its own, because settings are read once and runlocal's were read before its servers had addresses.
Prints the login of a demo it created. Exit code 5 when database or Redis cannot be used.
"""

import hashlib
import os
import sys
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

import django
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.loader import MigrationLoader

EXIT_NO_SERVER = 5


class Unusable(Exception):
    """Database or Redis cannot be used; the message says what to do."""


def main() -> int:
    """Prepare everything; gives the exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    django.setup()
    try:
        refuse_unusable_servers()
        call_command("migrate", interactive=False, verbosity=0)
    except (Unusable, DatabaseError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_NO_SERVER
    collect_static_files()
    sys.stdout.write(create_demo())
    return 0


def refuse_unusable_servers() -> None:
    """Raises Unusable when database or Redis does not answer, or the schema is newer than this code."""
    from django.conf import settings
    from django.core.cache import cache
    from redis import RedisError

    try:
        connection.ensure_connection()
    except DatabaseError as error:
        host, port = connection.settings_dict["HOST"], connection.settings_dict["PORT"] or 5432
        raise Unusable(
            f"The database at {host}:{port} does not answer: {str(error).strip()}\n"
            "Check DATABASE_URL and that the server runs; without DATABASE_URL one is brought along."
        ) from error
    if unknown := unknown_migrations():
        raise Unusable(
            f"The database has changes this version does not know: {', '.join(unknown)}. It was used by a newer "
            "version. Update the code, or name another database in DATABASE_URL."
        )
    try:
        cache.get("prepare")
    except RedisError as error:
        address = settings.REDIS_URL.rsplit("@", 1)[-1]
        raise Unusable(f"Redis at {address} does not answer: {error}\nCheck REDIS_URL.") from error


def unknown_migrations() -> list[str]:
    """Migrations the database has and this code does not, of the apps this code has."""
    loader = MigrationLoader(connection)
    applied = set(loader.applied_migrations) - set(loader.disk_migrations) - replaced(loader)
    return sorted(f"{app}.{name}" for app, name in applied if app in loader.migrated_apps)


def replaced(loader: MigrationLoader) -> set[tuple[str, str]]:
    return {key for migration in loader.replacements.values() for key in migration.replaces}


def collect_static_files() -> None:
    """collectstatic, when a source changed since the last time."""
    from django.conf import settings

    if not settings.STATIC_HASHED:
        return
    stamp, fingerprint = Path(settings.STATIC_ROOT) / ".sources", fingerprint_of(static_sources())
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=stamp.exists())
    stamp.write_text(fingerprint)


def static_sources() -> Iterable[Path]:
    for finder in get_finders():
        for name, storage in finder.list([]):
            yield Path(storage.path(name))


def fingerprint_of(paths: Iterable[Path]) -> str:
    facts = sorted(f"{path} {(status := path.stat()).st_mtime_ns} {status.st_size}" for path in paths)
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def create_demo() -> str:
    """On an empty installation, the demo; gives what the command said of its login."""
    if get_user_model().objects.exists():
        return ""
    said = StringIO()
    call_command("createdemo", stdout=said)
    return said.getvalue()


if __name__ == "__main__":
    sys.exit(main())
