"""Collects what belongs into the database and writes it once a second, apart from the sockets.

The database may go away: then statuses are skipped, events and bars wait, up to a bound. What it refuses is told,
counted and left out, and the others go on.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from functools import partial
from typing import ParamSpec, TypeVar

import structlog
from channels.db import database_sync_to_async
from django.db import DatabaseError, InterfaceError, OperationalError

from marketdata.events import Bar
from marketdata.feed import rows
from marketdata.feed.isolate import REFUSALS, write_isolated
from marketdata.feed.lease import LeaseLost, as_leader
from marketdata.feed.rows import FeedNote
from marketdata.models import FeedStatus
from marketdata.observations import store_observations
from marketdata.sources.kinds import SlowEvent
from marketdata.storable import storable

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
        # Rows that the database did not take, each told in the log.
        self.refused = 0

    def note(self, kind: str, message: str, *, at_ns: int, symbol: str = "") -> None:
        line, message, symbol = f"[WS] {kind}", storable(message), storable(symbol)
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
                await self._write_statuses(statuses)
            except LeaseLost:
                self._bars.clear()
                self._notes.clear()
                self._when_stored.clear()
                raise

    def _write_notes(self, notes: list[FeedNote]) -> None:
        rows.write_notes(notes, exchange_id=self._exchange_id)

    async def attempt(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Call a database function in a thread. None when it failed: that the database is away is told once."""
        try:
            return await self._call(function, *args, **kwargs)
        except REFUSALS as error:
            log.error("[WS] the database refuses", exchange=self._exchange, error=str(error)[:300])
            return None

    async def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """As `attempt`. Raises one of REFUSALS."""
        try:
            result = await database_sync_to_async(function, thread_sensitive=False)(*args, **kwargs)
        except REFUSALS:
            raise
        except (OperationalError, InterfaceError) as error:
            if not self.is_down:
                self.is_down = True
                log.error("[WS] database is away: ticks flow on", exchange=self._exchange, error=str(error)[:300])
            return None
        except DatabaseError as error:
            # No row is to blame: a table is not as it should be.
            log.error("[WS] the database cannot do this", exchange=self._exchange, error=str(error)[:300])
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

    async def _write_statuses(self, statuses: Collection[FeedStatus]) -> None:
        followed = [status.symbol for status in statuses]

        async def write(part: list[FeedStatus]) -> bool:
            store = partial(rows.write_statuses, part, exchange_id=self._exchange_id, followed=followed)
            return await self._call(_true_after(self._leading(store))) is True

        await write_isolated(list(statuses), write, refused=self._refuse)

    async def _empty(self, waiting: deque[T], write: Callable[[list[T]], None], *, leading: bool = False) -> bool:
        """Write what waits, up to a bound. False when some of it waits on."""
        batch = [waiting.popleft() for _ in range(min(len(waiting), _MAX_AT_ONCE))]

        async def write_part(part: list[T]) -> bool:
            store = partial(write, part)
            return await self._call(_true_after(self._leading(store) if leading else store)) is True

        batch = await write_isolated(batch, write_part, refused=self._refuse)
        if not batch:
            return True
        # Beyond the bound the oldest go.
        batch.extend(waiting)
        waiting.clear()
        waiting.extend(batch)
        return False

    def _refuse(self, row: object, error: Exception) -> None:
        self.refused += 1
        # Of a database's error the first line names the rule, the second the value.
        log.error(
            "[WS] row refused: left out",
            exchange=self._exchange,
            row=repr(row)[:300],
            error=f"{type(error).__name__}: {error}"[:300],
            refused=self.refused,
        )


def _true_after(write: Callable[[], None]) -> Callable[[], bool]:
    """Tells success from the None of an attempt that failed."""

    def written() -> bool:
        write()
        return True

    return written
