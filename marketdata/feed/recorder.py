"""Collects what belongs into the database and writes it once a second, apart from the sockets.

The database may go away: then statuses are skipped, events and bars wait, up to a bound.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from functools import partial
from typing import ParamSpec, TypeVar

import structlog
from channels.db import database_sync_to_async
from django.db import DatabaseError, InterfaceError

from marketdata.events import Bar
from marketdata.feed import rows
from marketdata.feed.lease import LeaseLost, as_leader
from marketdata.feed.rows import FeedNote
from marketdata.models import FeedStatus
from marketdata.observations import store_observations
from marketdata.sources.kinds import SlowEvent

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

DATABASE_ERRORS = (DatabaseError, InterfaceError)
# History of fifty symbols.
_MAX_WAITING = 100_000
# Of a transaction, during which nobody can take the lease.
_MAX_AT_ONCE = 5_000


class Recorder:
    """Writes one venue's statuses, events and bars, as the leader of `epoch` only."""

    def __init__(self, *, exchange_id: int, exchange: str, enabled: bool) -> None:
        self._exchange_id = exchange_id
        self._exchange = exchange
        self._enabled = enabled
        self._notes: deque[FeedNote] = deque(maxlen=_MAX_WAITING)
        self._bars: deque[tuple[int, Bar]] = deque(maxlen=_MAX_WAITING)
        self._observations: deque[SlowEvent] = deque(maxlen=_MAX_WAITING)
        self._when_stored: list[Callable[[], None]] = []
        self._writing = asyncio.Lock()
        self.epoch = 0
        self.is_down = False

    def note(self, kind: str, message: str, *, at_ns: int, symbol: str = "") -> None:
        line = f"[WS] {kind}"
        log.info(line, exchange=self._exchange, symbol=symbol or "-", message=message)
        if self._enabled:
            self._notes.append(FeedNote(symbol=symbol, kind=kind, message=message, at_ns=at_ns))

    def keep_bar(self, instrument_id: int, bar: Bar) -> None:
        if self._enabled:
            self._bars.append((instrument_id, bar))

    def keep_observation(self, event: SlowEvent) -> None:
        if self._enabled:
            self._observations.append(event)

    def when_stored(self, tell: Callable[[], None]) -> None:
        """Call `tell` once the bars kept so far are committed."""
        if self._enabled:
            self._when_stored.append(tell)

    async def write(self, statuses: Collection[FeedStatus]) -> None:
        """Write what has gathered. What fails stays for the next time.

        Raises LeaseLost, and forgets bars and events, when somebody else leads: theirs are better.
        """
        if not self._enabled:
            return
        async with self._writing:
            if self._observations:
                await self._empty(self._observations, store_observations)
            try:
                if self._notes:
                    await self._empty(self._notes, self._write_notes, leading=True)
                await self._write_bars()
                await self.attempt(self._leading(lambda: rows.write_statuses(statuses, exchange_id=self._exchange_id)))
            except LeaseLost:
                self._bars.clear()
                self._notes.clear()
                self._when_stored.clear()
                raise

    def _write_notes(self, notes: list[FeedNote]) -> None:
        rows.write_notes(notes, exchange_id=self._exchange_id)

    async def attempt(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Call a database function in a thread. None when the database is away, which is told once."""
        try:
            result = await database_sync_to_async(function, thread_sensitive=False)(*args, **kwargs)
        except DATABASE_ERRORS as error:
            if not self.is_down:
                self.is_down = True
                log.error("[WS] database is away: ticks flow on", exchange=self._exchange, error=str(error)[:300])
            return None
        if self.is_down:
            self.is_down = False
            log.warning("[WS] database is back", exchange=self._exchange)
        return result

    async def _write_bars(self) -> None:
        told = len(self._when_stored)
        for _ in range(-(-len(self._bars) // _MAX_AT_ONCE)):
            if not await self._empty(self._bars, rows.write_bars, leading=True):
                return
        ready, self._when_stored = self._when_stored[:told], self._when_stored[told:]
        for tell in ready:
            tell()

    def _leading(self, write: Callable[[], None]) -> Callable[[], None]:
        def write_as_leader() -> None:
            with as_leader(exchange_id=self._exchange_id, epoch=self.epoch):
                write()

        return write_as_leader

    async def _empty(self, waiting: deque[T], write: Callable[[list[T]], None], *, leading: bool = False) -> bool:
        batch = [waiting.popleft() for _ in range(min(len(waiting), _MAX_AT_ONCE))]
        write_batch = partial(write, batch)
        write_all = self._leading(write_batch) if leading else write_batch
        if await self.attempt(_true_after(write_all)):
            return True
        # Beyond the bound the oldest go.
        batch.extend(waiting)
        waiting.clear()
        waiting.extend(batch)
        return False


def _true_after(write: Callable[[], None]) -> Callable[[], bool]:
    """Tells success from the None of an attempt that failed."""

    def written() -> bool:
        write()
        return True

    return written
