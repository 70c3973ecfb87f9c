"""The engine process: until stopped, with exit codes that scripts can rely on."""

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
import time
from dataclasses import asdict, dataclass
from enum import IntEnum
from threading import Timer

import psycopg
import structlog
import uvloop
from django.conf import settings
from django.db import connection as django_connection
from psycopg_pool import PoolTimeout

from bots.engine.engine import Engine
from bots.orders.connections import Pool, connection_parameters, open_pool
from bots.orders.leases import LeaseTerms, end_earlier
from marketdata.schema import schema_problem
from marketdata.shutdown import forced_end

log = structlog.get_logger(__name__)

HEARTBEAT_S = 60.0
STOP_S = 8.0
END_S = 9.5


class Exit(IntEnum):
    CLEAN = 0
    UNEXPECTED = 1
    BAD_CONFIG = 2
    UNREACHABLE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """engine_id: empty means a name made of host and process. duration_s: None means until stopped.

    inherit: earlier runs under this engine_id have ended, so their leases need not run out first.
    """

    engine_id: str = ""
    inherit: bool = False
    duration_s: float | None = None
    as_json: bool = False


def engine_name(engine_id: str) -> str:
    return (engine_id or settings.ENGINE_ID or f"{socket.gethostname()[:32]}:{os.getpid()}")[:64]


def new_holder(name: str) -> str:
    """Names this run of an engine; a later run of the same engine is another owner."""
    return f"{name}:{secrets.token_hex(4)}"


def run_engine(options: EngineOptions) -> Exit:
    """Run until SIGTERM, SIGINT or the duration."""
    if options.duration_s is not None and options.duration_s <= 0:
        return _refuse(f"--duration is {options.duration_s:g}: give a number of seconds above 0.", Exit.BAD_CONFIG)
    if options.inherit and not options.engine_id:
        return _refuse("--inherit needs --engine-id: whose earlier runs have ended?", Exit.BAD_CONFIG)
    problem = _database_problem()
    if problem:
        return _refuse(problem, Exit.UNREACHABLE)
    problem = schema_problem()
    django_connection.close()
    if problem:
        return _refuse(problem, Exit.UNREACHABLE)
    deadline = forced_end(END_S, code=Exit.CLEAN)
    try:
        return uvloop.run(_run(options, deadline))
    finally:
        deadline.cancel()


def _refuse(text: str, code: Exit) -> Exit:
    print(f"runbots: {text}", file=sys.stderr)  # noqa: T201
    return code


def _database_problem() -> str:
    """Why the database cannot be used, or ""."""
    try:
        with psycopg.Connection.connect(**connection_parameters()) as connection:
            found = connection.execute(
                "SELECT version FROM bots_bot LIMIT 0; SELECT count(*) AS n FROM bots_installation"
            )
            found.nextset()
            row = found.fetchone()
    except psycopg.errors.UndefinedTable as error:
        return f"The database has no or an old schema ({_first_line(error)}): run `manage.py migrate`."
    except psycopg.errors.UndefinedColumn as error:
        return f"The database has an old schema ({_first_line(error)}): run `manage.py migrate`."
    except psycopg.Error as error:
        return (
            f"The database cannot be used: {_first_line(error)}. Check DATABASE_URL, and start the servers with "
            "`manage.py runlocal`."
        )
    if row is None or not row.n:
        return "The database has no row for the kill switch: run `manage.py migrate`."
    return ""


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


async def _run(options: EngineOptions, deadline: Timer) -> Exit:
    stop = _stop_on_signals()
    try:
        pool = await open_pool()
    except PoolTimeout as error:
        return _refuse(f"The database cannot be used: {_first_line(error)}. Check DATABASE_URL.", Exit.UNREACHABLE)
    try:
        return await _look_after(pool, options, stop, deadline)
    finally:
        await pool.close(timeout=1.0)


async def _look_after(pool: Pool, options: EngineOptions, stop: asyncio.Event, deadline: Timer) -> Exit:
    terms = LeaseTerms(ttl_s=settings.LEASE_TTL_S, renew_s=settings.LEASE_RENEW_S)
    name = engine_name(options.engine_id)
    if options.inherit and (bots := await end_earlier(pool, engine=name)):
        log.warning("[TRADING LOOP] bots of an engine that ended are free", bots=len(bots), engine=name)
    engine = Engine(pool, holder=new_holder(name), terms=terms)
    log.info("[TRADING LOOP] engine started", engine=engine.holder)
    task = asyncio.create_task(engine.run())
    stopped = asyncio.create_task(stop.wait())
    ends_s = None if options.duration_s is None else time.monotonic() + options.duration_s
    try:
        while not task.done() and not stop.is_set():
            left_s = HEARTBEAT_S if ends_s is None else min(HEARTBEAT_S, ends_s - time.monotonic())
            if left_s <= 0:
                break
            await asyncio.wait({task, stopped}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if options.as_json:
                _print_json(engine, "heartbeat")
    finally:
        deadline.start()
        stopped.cancel()
        task.cancel()
        await asyncio.wait({task}, timeout=STOP_S)
        if options.as_json:
            _print_json(engine, "stopped")
        log.info("[TRADING LOOP] engine stopped", engine=engine.holder, **asdict(engine.report()))
    if task.done() and not task.cancelled() and (error := task.exception()) is not None:
        log.error("engine.crashed", exc_info=error)
        return Exit.UNEXPECTED
    return Exit.CLEAN


def _print_json(engine: Engine, event: str) -> None:
    line = {"event": event, "engine": engine.holder, "pid": os.getpid(), **asdict(engine.report())}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _stop_on_signals() -> asyncio.Event:
    """The first signal stops gently, a second one at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def gently(name: signal.Signals) -> None:
        if stop.is_set():
            os._exit(128 + name)
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, gently, name)
    return stop
