"""Keeps one symbol going: history at the start, then events as they come, one at a time."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

import structlog
from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, connection
from msgspec.structs import replace
from redis.exceptions import RedisError

from bots.engine.books import BotBooks
from bots.engine.days import DAY, PART, Days
from bots.engine.desk import Desk
from bots.engine.inbox import Inbox
from bots.engine.symbol import MARKET_EVENTS, SymbolWorker
from bots.orders.marks import Mark
from bots.trading.records import InstrumentRules, VenueReport
from marketdata.cache import LatestSnapshot, alatest_snapshot
from marketdata.clock import VenueClock
from marketdata.events import Bar, Event, FeedState, HistoryReady, Timeframe
from marketdata.history import BOOTSTRAP_BARS, load_bars
from quant.reading import MIN_OBSERVATIONS
from quant.slow_signals import in_order

log = structlog.get_logger(__name__)

SECOND_NS = 1_000_000_000
DEFAULT_BARS = 300
RELOAD_NS = 5 * SECOND_NS


class SymbolRunner:
    """Owns a worker and its lock: whoever changes its bots holds the lock."""

    def __init__(
        self,
        *,
        exchange: str,
        symbol: str,
        desk: Desk,
        inbox: Inbox,
        clock: VenueClock,
        stream_clock: bool,
        timeframes: tuple[Timeframe, ...],
    ) -> None:
        self.worker = SymbolWorker(exchange=exchange, symbol=symbol, desk=desk, timeframes=timeframes)
        self.lock = asyncio.Lock()
        # Told of every bar that closes, after the signals; they may not wait.
        self.on_bar: Callable[[SymbolRunner, Bar, int], None] = nobody
        self._inbox = inbox
        self._clock = clock
        self._stream_clock = stream_clock
        self._bars: dict[Timeframe, tuple[int, int]] = {}
        self._days = Days()
        self._reload: set[Timeframe] = set()
        self._reload_at_ns = 0
        # Those with a hole, or with bars that came too late: only beginning anew takes them in.
        self._rebuild: set[Timeframe] = set()
        self.events = 0

    def now_ns(self) -> int:
        return self._clock.now_ns(time.time_ns())

    @property
    def asset(self) -> str:
        return self.worker.symbol.partition("/")[0]

    async def bootstrap(self) -> None:
        """Begin from the stored bars and the feed's last snapshot."""
        for timeframe in self.worker.signals.regimes:
            await self._load(timeframe)
        snapshot = await self._snapshot()
        if snapshot is None:
            return
        if self._stream_clock:
            self._clock.observe(ts_event=snapshot.now_ns, ts_init=time.time_ns())
        now_ns = self.now_ns()
        first: list[Event] = [_state_in(snapshot), *snapshot.forming]
        if (day := self._days.forming(snapshot.forming)) is not None:
            first.append(day)
        if snapshot.book is not None:
            first.append(snapshot.book)
        async with self.lock:
            for event in first:
                await self.worker.step(self._rebased(event, now_ns), now_ns, evaluate=False)

    async def _snapshot(self) -> LatestSnapshot | None:
        try:
            return await alatest_snapshot(self.worker.exchange, self.worker.symbol)
        except (OSError, ValueError, RedisError) as error:
            log.warning("engine.snapshot.unavailable", symbol=self.worker.symbol, error=str(error))
            return None

    async def follow_timeframes(self, wanted: Iterable[Timeframe], regimes: Iterable[Timeframe] = ()) -> None:
        """Add timeframes that a bot needs, for its signals or only for its regime. The caller holds the lock."""
        missing = [timeframe for timeframe in wanted if timeframe not in self.worker.signals.timeframes]
        for timeframe in missing:
            self.worker.signals.add_timeframe(timeframe, ())
            # Its regime may have been followed before, and begins anew with it.
            self._bars.pop(timeframe, None)
            await self._load(timeframe)
        for timeframe in regimes:
            if timeframe not in self.worker.signals.regimes:
                self.worker.signals.follow_regime(timeframe)
                await self._load(timeframe)
        if missing:
            # The next tick may come before the bot itself is seated, and finds more signals than weights.
            await self.worker.rebuild()

    async def run(self) -> None:
        """Take events until cancelled."""
        inbox = self._inbox
        while True:
            await inbox.wake.wait()
            inbox.wake.clear()
            async with self.lock:
                await self._drain()
            # A symbol that never has to wait would keep the others from their turn.
            await asyncio.sleep(0)

    async def _drain(self) -> None:
        inbox, worker = self._inbox, self.worker
        while inbox.reports:
            await worker.execution.hear(*inbox.reports.popleft())
        if inbox.hole:
            inbox.hole = False
            worker.invalidate()
            # What was missed may have said that prices come from elsewhere now.
            snapshot = await self._snapshot()
            if snapshot is not None:
                await worker.step(_state_in(snapshot), self.now_ns(), evaluate=False)
        events = inbox.queue.drain()
        worker.is_stale = inbox.is_stale
        now_ns = self.now_ns()
        last = max((i for i, event in enumerate(events) if isinstance(event, MARKET_EVENTS)), default=-1)
        for i, event in enumerate(events):
            if isinstance(event, Bar):
                self._note_bar(event)
                await self._close_day(event, now_ns)
            elif isinstance(event, HistoryReady):
                self._note_history(event)
                continue
            # What came together is known together: stops see every tick, signals decide on the newest.
            await worker.step(self._rebased(event, now_ns), now_ns, evaluate=i == last)
            if isinstance(event, Bar) and event.closed:
                self.on_bar(self, event, now_ns)
        self.events += len(events)
        await worker.tell(now_ns)

    def report(self, bot: BotBooks, rules: InstrumentRules, report: VenueReport) -> None:
        """Take what a venue says of an order in its turn."""
        self._inbox.report(bot, rules, report)

    def observe(self, events: Iterable[Event]) -> None:
        """Take slow observations of the asset in their turn."""
        self._inbox.observe(events)

    async def take_past(self, past: Sequence[Event], recent: Sequence[Event]) -> None:
        """Begin the slow signals anew from stored observations; `recent` came by the stream meanwhile."""
        signals = self.worker.signals
        # Tens of thousands: ticks must not wait for them.
        observed = await asyncio.to_thread(signals.observed, past)
        async with self.lock:
            signals.take_observations(observed)
            for event in in_order(recent):
                signals.update(event)

    async def _close_day(self, bar: Bar, now_ns: int) -> None:
        """No feed makes bars of a day: the engine does."""
        if DAY in self.worker.signals.regimes and (day := self._days.close(bar)) is not None:
            self._note_bar(day)
            await self.worker.step(day, now_ns, evaluate=False)
            self.on_bar(self, day, now_ns)

    async def second(self) -> list[Mark]:
        """Once a second: what time alone brings."""
        async with self.lock:
            now_ns = self.now_ns()
            if self._reload and now_ns >= self._reload_at_ns:
                self._reload_at_ns = now_ns + RELOAD_NS
                begun = [timeframe for timeframe in tuple(self._reload) if await self._load(timeframe)]
                if begun:
                    await self._take_forming(begun, now_ns)
                    await self.worker.rebuild()
            return await self.worker.on_second(now_ns)

    def _rebased(self, event: Event, now_ns: int) -> Event:
        """Under replay the stream is the clock: what was received "now" in 2024 must not look two years old."""
        if not self._stream_clock or isinstance(event, Bar):
            return event
        return replace(event, ts_init=now_ns)

    def _note_bar(self, bar: Bar) -> None:
        """A closed bar that does not follow the last one: the stored ones in between must be loaded."""
        if not bar.closed or bar.timeframe not in self.worker.signals.regimes:
            return
        last_close, count = self._bars.get(bar.timeframe, (0, 0))
        if bar.ts_close <= last_close:
            return
        if bar.ts_open > last_close:
            self._reload.add(bar.timeframe)
            self._rebuild.add(bar.timeframe)
            self._reload_at_ns = self.now_ns() + 2 * SECOND_NS
        self._bars[bar.timeframe] = (bar.ts_close, count + 1)

    def _note_history(self, ready: HistoryReady) -> None:
        """The stored bars are whole: load them within a second."""
        if ready.timeframe in self.worker.signals.regimes:
            self._reload.add(ready.timeframe)
            self._rebuild.add(ready.timeframe)
            self._reload_at_ns = 0

    async def _take_forming(self, timeframes: Iterable[Timeframe], now_ns: int) -> None:
        """The unfinished bars of timeframes that began anew, as the feed knows them."""
        snapshot = await self._snapshot()
        forming = snapshot.forming if snapshot is not None else ()
        day = self._days.forming(forming) if DAY in timeframes else None
        for bar in forming if day is None else (*forming, day):
            if bar.timeframe in timeframes:
                await self.worker.step(bar, now_ns, evaluate=False)

    async def _load(self, timeframe: Timeframe) -> bool:
        """Load the stored bars; whether the timeframe began anew from them."""
        worker = self.worker
        limit = BOOTSTRAP_BARS.get(timeframe, DEFAULT_BARS)
        try:
            bars = await _aload_bars(worker.exchange, worker.symbol, timeframe, limit)
            if timeframe == DAY:
                parts = await _aload_bars(worker.exchange, worker.symbol, PART, DEFAULT_BARS)
                bars = self._days.begin(bars, parts)
        except (DatabaseError, InterfaceError) as error:
            log.warning("engine.history.unavailable", symbol=worker.symbol, error=str(error))
            self._reload.add(timeframe)
            return False
        last_close, count = self._bars.get(timeframe, (0, 0))
        newest = bars[-1].ts_close if bars else 0
        # What is not yet stored would be lost by beginning anew: it is a second away.
        is_whole = newest >= last_close
        begins = is_whole and (len(bars) > count or newest > last_close or timeframe in self._rebuild)
        if begins:
            if timeframe in worker.signals.timeframes:
                worker.signals.add_timeframe(timeframe, bars)
            else:
                worker.signals.follow_regime(timeframe, bars)
            self._bars[timeframe] = (newest, len(bars))
        if is_whole:
            self._rebuild.discard(timeframe)
        is_short = len(bars) < MIN_OBSERVATIONS and timeframe in worker.signals.timeframes
        if is_short or not is_whole:
            self._reload.add(timeframe)
        else:
            self._reload.discard(timeframe)
        return begins


def nobody(runner: SymbolRunner, bar: Bar, now_ns: int) -> None:
    """Nobody wants to know."""


def _state_in(snapshot: LatestSnapshot) -> FeedState:
    """What the feed says about the symbol: told on its stream only when it changes."""
    return FeedState(
        exchange=snapshot.exchange,
        symbol=snapshot.symbol,
        state=snapshot.state,
        source=snapshot.source,
        reason=snapshot.reason,
        ts_event=snapshot.now_ns,
        ts_init=snapshot.now_ns,
    )


def _load_bars(exchange: str, symbol: str, timeframe: Timeframe, limit: int) -> list[Bar]:
    try:
        return load_bars(exchange, symbol, timeframe, limit)
    finally:
        # Used once in a while: a kept connection would be found dead after the database was away.
        connection.close()


_aload_bars = sync_to_async(_load_bars, thread_sensitive=True)
