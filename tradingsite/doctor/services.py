"""Checks of what the installation talks to: database, Redis, clock."""

from datetime import UTC, datetime

from django.conf import settings
from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from redis import RedisError

from tradingsite.absence import START_IT, no_servers
from tradingsite.doctor.finding import Finding, failed, fine

CLOCK_DIFFERENCE_MAX_S = 1.0
HOW_TO_GET_SERVERS = "Run `make run`, or set DATABASE_URL and REDIS_URL."


def check_database() -> Finding:
    if settings.DATABASE_URL == settings.NO_DATABASE_URL:
        return failed("database", no_servers(settings.LOCAL_DIR), START_IT)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            return fine("database", f"PostgreSQL {cursor.fetchone()[0]} answers")
    except DatabaseError as error:
        return failed("database", first_line(error), "Check DATABASE_URL and that the server runs.")


def check_migrations() -> Finding:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return unanswered("migrations", error)
    if missing:
        names = ", ".join(str(migration) for migration, _ in missing[:3])
        return failed("migrations", f"{len(missing)} not applied: {names}", "Run `manage.py migrate`, or `make run`.")
    return fine("migrations", "all applied")


def check_redis() -> Finding:
    if settings.REDIS_URL == settings.NO_REDIS_URL:
        return failed("redis", "no address is known", HOW_TO_GET_SERVERS)
    try:
        cache.get("doctor")
    except RedisError as error:
        return failed("redis", first_line(error), "Check REDIS_URL and that the server runs.")
    return fine("redis", "answers")


def check_clock() -> Finding:
    """This machine's clock against the database's, which stands for the other machines."""
    try:
        with connection.cursor() as cursor:
            before = datetime.now(UTC)
            cursor.execute("SELECT clock_timestamp()")
            theirs = cursor.fetchone()[0]
            after = datetime.now(UTC)
    except DatabaseError as error:
        return unanswered("clock", error)
    off_s = (theirs - (before + (after - before) / 2)).total_seconds()
    if abs(off_s) > CLOCK_DIFFERENCE_MAX_S:
        return failed("clock", f"{off_s:+.2f} s from the database's", "Set up NTP on both machines.")
    return fine("clock", f"{off_s * 1000:+.0f} ms from the database's")


def unanswered(check: str, error: DatabaseError) -> Finding:
    """A check that needed the database. The address that stands for none means nothing to a person."""
    unknown = settings.DATABASE_URL == settings.NO_DATABASE_URL
    seen = "no address of a database is known" if unknown else first_line(error)
    return failed(check, seen, "The database must answer first.")


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
