"""The command line: says in a sentence when settings are out of range, or the database is away or has an old schema."""

import os
import sys
from collections.abc import Sequence

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError, InterfaceError, OperationalError

from tradingsite.absence import START_IT, no_servers

WRONG_SETTINGS = 2
UNREACHABLE = 5
# As a shell says it of a program that SIGPIPE ended.
READER_GONE = 141
# SQLSTATE classes: connection, authorization, no such database, shut down.
AWAY = ("08", "28", "3D", "57P")


def run(argv: Sequence[str]) -> None:
    """Run a command; exits with code 2 for wrong settings, 5 when the database cannot be used, 141 when nobody reads its
    output any more. Other errors keep their traceback.
    """
    try:
        execute_from_command_line(list(argv))
    except BrokenPipeError:
        # Whoever read, e.g. `head`, has enough. Python would fail once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(READER_GONE)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{argv[0]}: {error}\n")
        sys.exit(WRONG_SETTINGS)
    except (DatabaseError, InterfaceError) as error:
        problem = explain(error)
        if not problem:
            raise
        sys.stderr.write(f"{argv[1]}: {problem}\n")
        sys.exit(UNREACHABLE)


def explain(error: Exception) -> str:
    """What to tell a person, or "" for an error that is a fault of ours."""
    cause = error.__cause__
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(cause, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return f"The database has no or an old schema ({line}): run `manage.py migrate`."
    state = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    if isinstance(error, OperationalError | InterfaceError) and (state is None or state.startswith(AWAY)):
        if settings.DATABASE_URL == settings.NO_DATABASE_URL:
            return f"{no_servers(settings.LOCAL_DIR)} {START_IT}"
        return (
            f"The database cannot be used: {line}. Check DATABASE_URL, and start the servers with `manage.py runlocal`."
        )
    return ""
