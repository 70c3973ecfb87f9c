"""The feed process: the services of several venues, until stopped, with exit codes that scripts can rely on."""

import asyncio
import gc
import sys
from collections.abc import Sequence
from enum import IntEnum
from functools import partial
from threading import Timer
from typing import Any

import structlog
import uvloop
from channels.layers import get_channel_layer
from django.db import DatabaseError, InterfaceError, connection
from redis.exceptions import RedisError

from marketdata.feed.config import FeedConfigError
from marketdata.feed.display import Display
from marketdata.feed.fleet import Fleet
from marketdata.feed.health import BadAddress, HealthDoor
from marketdata.feed.hints import tell_standby, why_no_data
from marketdata.feed.options import UNUSABLE, FeedOptions, Plan, make_plan
from marketdata.feed.service import FeedService
from marketdata.feed.signals import Signals
from marketdata.feed.surroundings import keep_presence, keep_slow_sources
from marketdata.kept_connections import keep_connections
from marketdata.recording.reading import MalformedCapture
from marketdata.schema import schema_problem
from marketdata.shutdown import forced_end
from marketdata.systemd import Notifier, monotonic_ns

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
    # As a shell says it of a program that SIGPIPE ended.
    UNREAD = 141


def run_feed(options: FeedOptions, *, display: Display) -> Exit:
    """Run until SIGTERM, SIGINT, the duration, the recording's end or, with `once`, the first tick of every symbol."""
    try:
        plan = make_plan(options)
        problem = schema_problem()
    except UNUSABLE as error:
        return _say(str(error), Exit.BAD_CONFIG)
    except (DatabaseError, InterfaceError) as error:
        return _unreachable("The database", "DATABASE_URL", error)
    finally:
        connection.close()
    if problem:
        return _say(problem, Exit.UNREACHABLE)
    keep_connections()
    deadline = forced_end(_END_S, code=Exit.CLEAN)
    try:
        return uvloop.run(_run(plan, options, display, deadline))
    finally:
        deadline.cancel()


def _say(text: str, code: Exit) -> Exit:
    _hint(text)
    return code


def _hint(text: str) -> None:
    print(f"runfeed: {text}", file=sys.stderr)  # noqa: T201


def _unreachable(what: str, setting: str, error: BaseException) -> Exit:
    text = str(error).strip().splitlines()
    return _say(
        f"{what} cannot be used: {text[0] if text else type(error).__name__}. "
        f"Check {setting}, start the servers with `manage.py runlocal`, and run `manage.py migrate`.",
        Exit.UNREACHABLE,
    )


async def _run(plan: Plan, options: FeedOptions, display: Display, deadline: Timer) -> Exit:
    if not options.dry_run:
        layer: Any = get_channel_layer()
        try:
            async with asyncio.timeout(_REDIS_TIMEOUT_S):
                await layer.group_send("ticks.hello", {"type": "ticks.hello"})
        except (RedisError, OSError, TimeoutError) as error:
            return _unreachable("Redis", "REDIS_URL", error)
    fleet = Fleet(
        partial(
            FeedService,
            symbols=options.symbols,
            dry_run=options.dry_run,
            record=options.record,
            replay=options.replay_options,
            followers=plan.followers,
            on_note=display.note,
        )
    )
    try:
        door = await _open_door(options, fleet, display)
    except BadAddress as error:
        return _say(str(error), Exit.BAD_CONFIG)
    # Full collections look at everything that Django loaded, 50 ms at a time: leave that out.
    gc.collect()
    gc.freeze()
    run = _Run(plan=plan, options=options, fleet=fleet, display=display, door=door)
    try:
        return await run.until_stopped()
    finally:
        deadline.start()
        await run.stop()


async def _open_door(options: FeedOptions, fleet: Fleet, display: Display) -> HealthDoor | None:
    """Raises BadAddress."""
    if not options.http:
        return None
    door = HealthDoor(options.http, lambda: fleet.services, dry_run=options.dry_run)
    await door.open()
    display.health = door.address
    log.info("[WS] health", address=door.address)
    return door


class _Run:
    """One run of the process, from its start to its last word."""

    def __init__(
        self, *, plan: Plan, options: FeedOptions, fleet: Fleet, display: Display, door: HealthDoor | None
    ) -> None:
        self._plan = plan
        self._options = options
        self._fleet = fleet
        self._display = display
        self._door = door
        self._notifier = Notifier()
        self._signals = Signals(reload=self._reload)
        self._following: asyncio.Task[None] | None = None
        self._helpers: list[asyncio.Task[None]] = []
        self._reloads: set[asyncio.Task[None]] = set()

    async def until_stopped(self) -> Exit:
        options, fleet = self._options, self._fleet
        for config in self._plan.named:
            fleet.start(config)
        if not self._plan.named:
            await fleet.look()
            self._following = asyncio.create_task(fleet.follow_rows())
        if not options.dry_run:
            self._helpers.append(asyncio.create_task(keep_presence(fleet, self._display)))
            if options.is_looking:
                self._helpers.append(asyncio.create_task(tell_standby(fleet, say=_hint, records=bool(options.record))))
        if options.is_whole:
            self._helpers.append(asyncio.create_task(keep_slow_sources()))
        self._notifier.ready()
        clock = asyncio.get_running_loop().time
        limit_s = options.duration_s or (_ONCE_TIMEOUT_S if options.once else None)
        ends_s = clock() + limit_s if limit_s is not None else None
        while not self._signals.stop.is_set():
            code = self._look(is_over=ends_s is not None and clock() >= ends_s)
            if code is not None:
                return code
            try:
                async with asyncio.timeout(_CHECK_EVERY_S):
                    await self._signals.stop.wait()
            except TimeoutError:
                continue
        return Exit.CLEAN

    async def stop(self) -> None:
        self._notifier.stopping()
        tasks = [*self._helpers, *self._reloads, *([self._following] if self._following is not None else [])]
        for task in tasks:
            task.cancel()
        stopped, *_ = await asyncio.gather(
            self._fleet.close(timeout_s=_STOP_S), *([asyncio.wait(tasks, timeout=_STOP_S)] if tasks else [])
        )
        if not stopped:
            log.error("[WS] the feed did not stop in time", seconds=_STOP_S)
        if self._door is not None:
            await self._door.close()
        self._display.close(self._fleet.services)
        log.info("[WS] feed stopped")

    def _look(self, *, is_over: bool) -> Exit | None:
        """Show how things are, and find out whether the run ends, and how."""
        following = self._following
        error = self._fleet.failure or (following.exception() if following is not None and following.done() else None)
        if isinstance(error, FeedConfigError | MalformedCapture):
            return _say(str(error), Exit.BAD_CONFIG)
        if error is not None:
            log.error("[WS] feed crashed", exc_info=error)
            return Exit.UNEXPECTED
        services = self._fleet.services
        self._display.show(services)
        if self._display.is_unread:
            return Exit.UNREAD
        if self._door is not None:
            self._door.tick()
        self._notifier.beat(asyncio.get_running_loop().time())
        self._notifier.status(_in_a_line(services))
        return self._verdict(services, is_over=is_over)

    def _verdict(self, services: Sequence[FeedService], *, is_over: bool) -> Exit | None:
        once = self._options.once
        if self._plan.named or once:
            refused = _refused(services, all_of_them=not once)
            if refused:
                return _say(f"{refused} Mend that, and start again.", Exit.NOT_ALLOWED)
        if once and _all_have_ticks(services):
            return Exit.CLEAN
        if once and _rest_is_not_listed(services):
            return _say(why_no_data(services, followed_only=not self._options.symbols), Exit.NO_DATA)
        if self._options.replay is not None and services and all(service.is_over for service in services):
            return Exit.CLEAN if _any_ticks(services) else Exit.NO_DATA
        if is_over:
            if not once and _any_ticks(services):
                return Exit.CLEAN
            return _say(why_no_data(services, followed_only=not self._options.symbols), Exit.NO_DATA)
        return None

    def _reload(self) -> None:
        """Exchanges and symbols are read again at once, and venues are asked what they list."""
        task = asyncio.create_task(self._reload_now())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _reload_now(self) -> None:
        self._notifier.reloading(monotonic_ns())
        if not self._plan.named:
            await self._fleet.look()
        services = self._fleet.services
        for service in services:
            service.reload()
            self._display.note(service.config.exchange, "reload", "Symbols, settings and listings are read again.", "")
        log.info("[WS] reload: symbols, settings and listings are read again", exchanges=len(services))
        self._notifier.ready()


def _refused(services: Sequence[FeedService], *, all_of_them: bool) -> str:
    """Why the venues do not let us in, as far as that ends the run; "" while it goes on."""
    told = [
        f"{service.config.exchange} does not let us in: {service.feed.denied}"
        for service in services
        if service.feed is not None and service.feed.denied and not _is_live(service)
    ]
    return " ".join(told) if told and (len(told) == len(services) or not all_of_them) else ""


def _is_live(service: FeedService) -> bool:
    return service.feed is not None and any(item.stream.state == "live" for item in service.feed.followed.values())


def _all_have_ticks(services: Sequence[FeedService]) -> bool:
    followed = [item for service in services if service.feed is not None for item in service.feed.followed.values()]
    unknown = any(service.feed.unknown for service in services if service.feed is not None)
    return bool(followed) and not unknown and all(item.stream.quote is not None for item in followed)


def _rest_is_not_listed(services: Sequence[FeedService]) -> bool:
    """Whether every symbol has its tick, but for those that a venue, which has told what it lists, does not list."""
    feeds = [service.feed for service in services]
    return any(feed is not None and feed.unknown for feed in feeds) and all(
        feed is not None
        and feed.listed
        and (feed.followed or feed.unknown)
        and all(item.stream.quote is not None for item in feed.followed.values())
        for feed in feeds
    )


def _any_ticks(services: Sequence[FeedService]) -> bool:
    return any(
        item.messages for service in services if service.feed is not None for item in service.feed.followed.values()
    )


def _in_a_line(services: Sequence[FeedService]) -> str:
    """For `systemctl status`."""
    parts = []
    for service in services:
        followed = service.feed.followed.values() if service.feed is not None else ()
        live = sum(item.stream.state == "live" for item in followed)
        parts.append(f"{service.config.exchange} {'standby' if service.is_standby else f'{live}/{len(followed)} live'}")
    return ", ".join(parts) or "waiting for an exchange"
