"""One slow source with its surroundings: lease, jobs, state. `run` lives until it is cancelled."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import structlog
from channels.db import database_sync_to_async

from marketdata.bus import TickPublisher
from marketdata.exchanges.adapter import RateLimited, VenueError, VenueUnavailable
from marketdata.feed.lease import new_holder
from marketdata.sources.answers import MalformedAnswer
from marketdata.sources.catalog import KINDS
from marketdata.sources.config import SourceConfig
from marketdata.sources.health import STALE_INTERVALS, JobHealth, State, overall
from marketdata.sources.lease import LEASE_TTL, give_lease_back, renew_lease, take_lease
from marketdata.sources.memory import DATABASE_ERRORS, Memory, followed_assets, headlines_seen
from marketdata.sources.polling import Found, Job, NothingToDo, Surroundings

log = structlog.get_logger(__name__)

# Every observation of an asset, of whatever source, is heard in one group: ticks.observations.BTC.
OBSERVATIONS = "observations"
_USER_AGENT = "tradingsite"
_TIMEOUT_S = 15.0
_LONGEST_RETRY_S = 300.0
_REASON_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How fast things go. `pace` shortens the intervals of all jobs."""

    lease_ttl: timedelta = LEASE_TTL
    look_every_s: float = 1.0
    first_retry_s: float = 5.0
    restart_after_s: float = 30.0
    pace: float = 1.0


class LeaseLost(RuntimeError):
    """Another process asks this source now."""


class SourceService:
    """Asks one source while this process leads it, and stands by while another does.

    dry_run: ask and read, but take no lease and write nothing anywhere.
    """

    def __init__(
        self, config: SourceConfig, *, now_ns: Callable[[], int], timing: Timing, dry_run: bool = False
    ) -> None:
        self.config = config
        self.is_standby = False
        self.memory: Memory | None = None
        self._now_ns = now_ns
        self._timing = timing
        self._dry_run = dry_run
        self._holder = new_holder()
        self._health: list[JobHealth] = []
        self._state: tuple[str, str] = ("", "")

    async def run(self) -> None:
        while True:
            if not self._dry_run:
                await self._wait_for_lease()
            try:
                await self._lead()
            except* LeaseLost:
                log.warning("[WS] another process asks the source now: standing by", source=self.config.name)

    async def _wait_for_lease(self) -> None:
        take = database_sync_to_async(take_lease, thread_sensitive=False)
        while True:
            with suppress(*DATABASE_ERRORS):
                if await take(source_id=self.config.id, holder=self._holder, ttl=self._timing.lease_ttl):
                    self.is_standby = False
                    return
            self.is_standby = True
            await asyncio.sleep(self._timing.look_every_s)

    async def _lead(self) -> None:
        name = self.config.stored_name
        publisher = (
            None
            if self._dry_run
            # Times grow with every new leader, as epochs must.
            else TickPublisher(
                exchange=name, epoch=self._now_ns() // 1_000_000, now_ns=self._now_ns, group=OBSERVATIONS
            )
        )
        memory = self.memory = Memory(name, publisher)
        log.info("[WS] slow source started", source=self.config.name, url=self.config.url)
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S, headers={"User-Agent": _USER_AGENT}) as client:
                around = Surroundings(
                    source=name,
                    url=self.config.url,
                    trusted_origin=self.config.trusted_origin,
                    client=client,
                    now_ns=self._now_ns,
                    newest=memory.newest,
                    assets=followed_assets,
                    seen=headlines_seen,
                )
                jobs = KINDS[self.config.kind].make(around).jobs()
                async with asyncio.TaskGroup() as group:
                    if publisher is not None:
                        group.create_task(publisher.run())
                        group.create_task(self._keep_lease())
                    await self._load(memory)
                    started_ns = self._now_ns()
                    self._health = [
                        JobHealth(
                            name=job.name,
                            every_s=job.every_s * self._timing.pace,
                            fresh_within_s=job.fresh_within_s,
                            started_ns=started_ns,
                        )
                        for job in jobs
                    ]
                    for job, health in zip(jobs, self._health, strict=True):
                        group.create_task(self._repeat(job, health, memory))
        finally:
            if publisher is not None:
                await self._leave()

    async def _load(self, memory: Memory) -> None:
        while True:
            try:
                await memory.load()
            except DATABASE_ERRORS as error:
                log.debug("[WS] observations not read", source=self.config.name, error=str(error)[:300])
                await asyncio.sleep(self._timing.first_retry_s)
            else:
                return

    async def _repeat(self, job: Job, health: JobHealth, memory: Memory) -> None:
        """Do a job at every full interval, and sooner after a failure."""
        while True:
            wait_s = await self._attempt(job, health, memory)
            await asyncio.sleep(wait_s)

    async def _attempt(self, job: Job, health: JobHealth, memory: Memory) -> float:
        """Do a job once. Gives the seconds until the next time."""
        told_for_ns = int(STALE_INTERVALS * job.every_s * 1e9)
        try:
            async for found in job.work():
                self._note(found, health)
                await memory.take(found, told_for_ns=told_for_ns, now_ns=self._now_ns())
        except NothingToDo as reason:
            health.idle(str(reason))
            return self._next_s(job)
        except RateLimited as error:
            health.fail(State.WAITING, f"waiting {error.retry_after_s:.0f} s: rate limited")
            return error.retry_after_s + random.uniform(0, 1) * self._timing.pace
        except MalformedAnswer as error:
            return self._failed(job, health, State.UNREADABLE, f"answer cannot be read: {error}")
        except VenueUnavailable as error:
            return self._failed(job, health, State.UNREACHABLE, f"unreachable: {error}")
        except VenueError as error:
            return self._failed(job, health, State.REFUSED, f"refused: {error}")
        except DATABASE_ERRORS as error:
            return self._failed(job, health, State.WAITING, f"the database is away: {error}")
        health.succeed(self._now_ns())
        return self._next_s(job)

    def _note(self, found: Found, health: JobHealth) -> None:
        newest = max(found.events, key=lambda event: event.ts_event, default=None)
        if newest is None:
            return
        health.newest_ns = max(health.newest_ns, newest.ts_event)
        if found.is_history:
            at = datetime.fromtimestamp(newest.ts_event / 1e9, tz=UTC)
            health.progress(f"fetching the past of {newest.symbol}, at {at:%d %b %H:%M}")

    def _failed(self, job: Job, health: JobHealth, state: State, reason: str) -> float:
        if health.reason != reason:
            log.warning("[WS] slow source failed", source=self.config.name, job=job.name, reason=reason[:300])
        health.fail(state, reason)
        longest_s = min(_LONGEST_RETRY_S, job.every_s) * self._timing.pace
        delay_s = min(longest_s, self._timing.first_retry_s * 2.0 ** min(health.failures - 1, 10))
        return delay_s * random.uniform(0.8, 1.2)

    def _next_s(self, job: Job) -> float:
        """Until the next full interval and the job's offset in it."""
        every_s, offset_s = job.every_s * self._timing.pace, job.offset_s * self._timing.pace
        done_s = (self._now_ns() / 1e9 - offset_s) % every_s
        return every_s - done_s

    async def _keep_lease(self) -> None:
        """Renew the lease and tell the state: at once when it changes, otherwise three times in a lease."""
        renew = database_sync_to_async(renew_lease, thread_sensitive=False)
        clock = asyncio.get_running_loop().time
        renewed_s = 0.0
        while True:
            state, reason = overall(self._health, self._now_ns())
            told = (str(state), reason[:_REASON_CHARACTERS])
            if told != self._state or clock() - renewed_s >= self._timing.lease_ttl.total_seconds() / 3:
                # While the database is away, so is everyone who could take over.
                with suppress(*DATABASE_ERRORS):
                    if not await renew(
                        source_id=self.config.id,
                        holder=self._holder,
                        state=told[0],
                        reason=told[1],
                        last_success_at=self._last_success_at(),
                        ttl=self._timing.lease_ttl,
                    ):
                        raise LeaseLost
                    self._state, renewed_s = told, clock()
            await asyncio.sleep(self._timing.look_every_s)

    def _last_success_at(self) -> datetime | None:
        newest_ns = max((health.succeeded_ns for health in self._health), default=0)
        return datetime.fromtimestamp(newest_ns / 1e9, tz=UTC) if newest_ns else None

    async def _leave(self) -> None:
        with suppress(*DATABASE_ERRORS):
            await database_sync_to_async(give_lease_back, thread_sensitive=False)(
                source_id=self.config.id, holder=self._holder
            )
