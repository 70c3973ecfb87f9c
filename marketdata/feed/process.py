"""The feed process: the services of several venues, until stopped, with exit codes that scripts can rely on."""

import asyncio
import gc
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from threading import Timer
from typing import Any

import structlog
import uvloop
from channels.layers import get_channel_layer
from django.db import DatabaseError, InterfaceError, connection
from redis.exceptions import RedisError

from marketdata.exchanges.catalog import UnknownAdapter
from marketdata.feed.config import FeedConfig, FeedConfigError, load_config
from marketdata.feed.display import Display
from marketdata.feed.fleet import Fleet
from marketdata.feed.service import FeedService
from marketdata.schema import schema_problem
from marketdata.shutdown import forced_end

log = structlog.get_logger(__name__)

_CHECK_EVERY_S = 0.1
_STOP_S = 8.0
# A little longer than all that stopping may take, and what supervisors wait before they kill.
_END_S = 9.5
_ONCE_TIMEOUT_S = 30.0
_REDIS_TIMEOUT_S = 5.0


class Exit(IntEnum):
    CLEAN = 0
    UNEXPECTED = 1
    BAD_CONFIG = 2
    NO_DATA = 3
    NOT_ALLOWED = 4
    UNREACHABLE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """exchanges: empty means all enabled ones. symbols: empty means what is subscribed."""

    exchanges: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    once: bool = False
    dry_run: bool = False
    duration_s: float | None = None


def run_feed(options: FeedOptions, *, display: Display) -> Exit:
    """Run until SIGTERM, SIGINT, the duration or, with `once`, the first tick of every symbol."""
    try:
        named = [load_config(code) for code in options.exchanges]
        problem = schema_problem()
    except (FeedConfigError, UnknownAdapter) as error:
        print(f"runfeed: {error}", file=sys.stderr)  # noqa: T201
        return Exit.BAD_CONFIG
    except (DatabaseError, InterfaceError) as error:
        return _unreachable("The database", "DATABASE_URL", error)
    finally:
        connection.close()
    if problem:
        print(f"runfeed: {problem}", file=sys.stderr)  # noqa: T201
        return Exit.UNREACHABLE
    deadline = forced_end(_END_S, code=Exit.CLEAN)
    try:
        return uvloop.run(_run(named, options, display, deadline))
    finally:
        deadline.cancel()


def _unreachable(what: str, setting: str, error: BaseException) -> Exit:
    text = str(error).strip().splitlines()
    print(  # noqa: T201
        f"runfeed: {what} cannot be used: {text[0] if text else type(error).__name__}. "
        f"Check {setting}, start the servers with `manage.py runlocal`, and run `manage.py migrate`.",
        file=sys.stderr,
    )
    return Exit.UNREACHABLE


async def _run(named: list[FeedConfig], options: FeedOptions, display: Display, deadline: Timer) -> Exit:
    if not options.dry_run:
        layer: Any = get_channel_layer()
        try:
            async with asyncio.timeout(_REDIS_TIMEOUT_S):
                await layer.group_send("ticks.hello", {"type": "ticks.hello"})
        except (RedisError, OSError, TimeoutError) as error:
            return _unreachable("Redis", "REDIS_URL", error)
    fleet = Fleet(partial(FeedService, symbols=options.symbols, dry_run=options.dry_run, on_note=display.note))
    # Full collections look at everything that Django loaded, 50 ms at a time: leave that out.
    gc.collect()
    gc.freeze()
    stop = _stop_on_signals()
    for config in named:
        fleet.start(config)
    if not named:
        await fleet.look()
    following = None if named else asyncio.create_task(fleet.follow_rows())
    try:
        return await _watch(fleet, following, stop, options, display)
    finally:
        deadline.start()
        if following is not None:
            following.cancel()
            await asyncio.wait({following})
        if not await fleet.close(timeout_s=_STOP_S):
            log.error("[WS] the feed did not stop in time", seconds=_STOP_S)
        display.close(fleet.services)
        log.info("[WS] feed stopped")


async def _watch(
    fleet: Fleet,
    following: "asyncio.Task[None] | None",
    stop: asyncio.Event,
    options: FeedOptions,
    display: Display,
) -> Exit:
    clock = asyncio.get_running_loop().time
    limit_s = options.duration_s or (_ONCE_TIMEOUT_S if options.once else None)
    ends_s = clock() + limit_s if limit_s is not None else None
    while not stop.is_set():
        error = fleet.failure or (following.exception() if following is not None and following.done() else None)
        if error is not None:
            log.error("[WS] feed crashed", exc_info=error)
            return Exit.UNEXPECTED
        services = fleet.services
        display.show(services)
        if options.once and _all_have_ticks(services):
            return Exit.CLEAN
        if ends_s is not None and clock() >= ends_s:
            return Exit.NO_DATA if options.once or not _any_ticks(services) else Exit.CLEAN
        try:
            async with asyncio.timeout(_CHECK_EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue
    return Exit.CLEAN


def _all_have_ticks(services: Sequence[FeedService]) -> bool:
    followed = [item for service in services if service.feed is not None for item in service.feed.followed.values()]
    unknown = any(service.feed.unknown for service in services if service.feed is not None)
    return bool(followed) and not unknown and all(item.stream.quote is not None for item in followed)


def _any_ticks(services: Sequence[FeedService]) -> bool:
    return any(
        item.messages for service in services if service.feed is not None for item in service.feed.followed.values()
    )


def _stop_on_signals() -> asyncio.Event:
    """The first signal stops gently, a second one at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def gently(name: signal.Signals) -> None:
        if stop.is_set():
            sys.exit(128 + name)
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, gently, name)
    return stop
