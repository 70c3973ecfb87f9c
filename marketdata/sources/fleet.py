"""All slow sources of one process, following their rows while it runs."""

import asyncio
import time
from collections.abc import Callable

import structlog
from channels.db import database_sync_to_async

from marketdata.models import SlowSource
from marketdata.sources.config import SourceConfig, enabled_sources
from marketdata.sources.health import State
from marketdata.sources.memory import DATABASE_ERRORS
from marketdata.sources.service import SourceService, Timing

log = structlog.get_logger(__name__)

_STOP_S = 5.0


async def run_slow_sources(
    *,
    stop: asyncio.Event | None = None,
    dry_run: bool = False,
    timing: Timing | None = None,
    now_ns: Callable[[], int] = time.time_ns,  # noqa: TID251 - the door that reads the clock
) -> None:
    """Ask every enabled slow source, as its row says, until stopped or cancelled.

    Any number of processes may do so: each source is asked by one of them. dry_run: ask, but write nothing.
    """
    fleet = SourceFleet(timing=timing or Timing(), now_ns=now_ns, dry_run=dry_run)
    stop = stop or asyncio.Event()
    try:
        while not stop.is_set():
            await fleet.look()
            try:
                async with asyncio.timeout(fleet.timing.look_every_s):
                    await stop.wait()
            except TimeoutError:
                continue
    finally:
        await fleet.close()


class SourceFleet:
    """Starts a service when a source is enabled, added or changed, and stops it when it is disabled or gone."""

    def __init__(self, *, timing: Timing, now_ns: Callable[[], int], dry_run: bool) -> None:
        self.timing = timing
        self._now_ns = now_ns
        self._dry_run = dry_run
        self._running: dict[int, tuple[SourceService, asyncio.Task[None]]] = {}
        self._restart_s: dict[int, float] = {}

    @property
    def services(self) -> list[SourceService]:
        return [service for service, _ in self._running.values()]

    async def look(self) -> None:
        """Do as the rows say now. While the database is away everything stays as it is."""
        try:
            configs = await database_sync_to_async(enabled_sources, thread_sensitive=False)()
        except DATABASE_ERRORS as error:
            log.debug("[WS] slow sources not read", error=str(error)[:300])
            return
        wanted = {config.id: config for config in configs}
        for number, (service, task) in list(self._running.items()):
            if task.done():
                await self._bury(number, service, task)
            elif wanted.get(number) != service.config:
                log.info("[WS] slow source disabled or changed", source=service.config.name)
                del self._running[number]
                await _end([task])
        clock = asyncio.get_running_loop().time
        for number, config in wanted.items():
            if number not in self._running and clock() >= self._restart_s.get(number, 0.0):
                self._start(config)

    async def close(self) -> None:
        await _end([task for _, task in self._running.values()])
        self._running.clear()

    def _start(self, config: SourceConfig) -> None:
        service = SourceService(config, now_ns=self._now_ns, timing=self.timing, dry_run=self._dry_run)
        self._running[config.id] = service, asyncio.create_task(service.run())

    async def _bury(self, number: int, service: SourceService, task: "asyncio.Task[None]") -> None:
        """A source that crashed is begun again later; the others go on."""
        del self._running[number]
        self._restart_s[number] = asyncio.get_running_loop().time() + self.timing.restart_after_s
        error = None if task.cancelled() else task.exception()
        log.error("[WS] slow source crashed", source=service.config.name, exc_info=error)
        if not self._dry_run:
            await _tell_crash(service.config, error)


async def _tell_crash(config: SourceConfig, error: BaseException | None) -> None:
    rows = SlowSource.objects.filter(pk=config.id)
    try:
        await rows.aupdate(state=State.FAILED, reason=f"crashed, see the log: {error!r}"[:300])
    except DATABASE_ERRORS as problem:
        log.debug("[WS] crash not written", source=config.name, error=str(problem)[:300])


async def _end(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_STOP_S)
