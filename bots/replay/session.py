"""A recorded session through the engine's own code, with the stream as the clock and the real books.

The same capture, the same start bars and the same settings give the same decisions, bit for bit.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from msgspec.structs import replace

from bots.engine.books import AccountBooks, BotBooks
from bots.engine.decision_log import DecisionLog
from bots.engine.desk import Desk
from bots.engine.housekeeping import check_bots
from bots.engine.process import new_holder
from bots.engine.signal_writer import SignalWriter
from bots.engine.symbol import SymbolWorker
from bots.engine.weights import regime_weights_of
from bots.models import Bot
from bots.orders.connections import open_pool
from bots.orders.leases import LeaseTerms
from bots.orders.load import BotConfig
from bots.orders.store import OrderStore
from bots.replay.cast import LEASE_S, CannotReplay, Copy, make_copies, retire_copies
from bots.replay.observations import ObservationTape
from bots.replay.start_bars import aggregated, generated_bars
from bots.replay.transcript import Transcript
from marketdata.events import TIMEFRAME_SECONDS, Bar, BookSnapshot, Event, QuoteTick, Timeframe, TradeTick
from marketdata.exchanges.catalog import get_adapter
from marketdata.replay import CaptureCut, Replay
from quant.regime import DEFAULT_FRAMES

SECOND_NS = 1_000_000_000
RENEW_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """What came of a replay. `digest` stands for every decision."""

    digest: str
    frames: int
    events: dict[str, int]
    evaluations: int
    decisions: int
    verdicts: dict[str, int]
    reasons: dict[str, int]
    orders: int
    fills: int
    trades: int
    signals: int
    bot_ids: tuple[int, ...]
    seconds: float


def first_price(path: Path, *, adapter: str, exchange: str, symbol: str, venue_symbol: str) -> tuple[float, int]:
    """The first print or mid of a capture, and its time. Raises CannotReplay where there is none."""
    replay = Replay(
        path, adapter=get_adapter(adapter), exchange=exchange, symbols={venue_symbol: symbol}, clock="stream"
    )
    for now_ns, event in replay:
        if isinstance(event, TradeTick) and now_ns:
            return event.price, now_ns
        if isinstance(event, QuoteTick) and now_ns:
            return event.mid, now_ns
    raise CannotReplay(f"{path} has no price of {symbol} (the venue's {venue_symbol}).")


async def replay_session(
    path: Path,
    *,
    bots: Sequence[Bot],
    symbol: str,
    venue_symbol: str,
    start_bars: Iterable[Bar] = (),
    clock: Callable[[], datetime],
) -> ReplayReport:
    """Replay a capture for copies of `bots`, which all trade on one exchange. `clock` dates their rows. Raises CannotReplay, CaptureCut."""
    started_s = time.monotonic()
    exchange = bots[0].account.exchange
    bars = list(start_bars)
    if not bars:
        price, at_ns = await asyncio.to_thread(
            first_price,
            path,
            adapter=exchange.adapter,
            exchange=exchange.code,
            symbol=symbol,
            venue_symbol=venue_symbol,
        )
        bars = generated_bars(exchange=exchange.code, symbol=symbol, price=price, before_ns=at_ns)
    feed = Replay(
        path,
        adapter=get_adapter(exchange.adapter),
        exchange=exchange.code,
        symbols={venue_symbol: symbol},
        start_bars=bars,
        clock="stream",
    )
    holder = new_holder("replay")
    minutes = [bar for bar in bars if bar.timeframe == "1m"]
    copies = await sync_to_async(make_copies)(bots, symbol=symbol, holder=holder, now=clock())
    pool = await open_pool(min_size=1, max_size=2)
    try:
        session = _Session(OrderStore(pool, terms=LeaseTerms(ttl_s=LEASE_S, renew_s=RENEW_S)), copies, holder, minutes)
        await session.play(feed, symbol=symbol, exchange=exchange.code)
        counts = await session.counts()
        return session.report(feed, counts, seconds=time.monotonic() - started_s)
    finally:
        await pool.close()
        await sync_to_async(retire_copies)(copies, now=clock())
        await sync_to_async(connections.close_all)()


class _Session:
    def __init__(self, store: OrderStore, copies: Sequence[Copy], holder: str, minutes: Sequence[Bar]) -> None:
        self.transcript = Transcript()
        self._store = store
        self._copies = copies
        self._holder = holder
        self._minutes = minutes
        self._desk = Desk(
            store=store,
            decisions=DecisionLog(store),
            signals=SignalWriter(store.pool),
            traditional_weight=settings.TRADITIONAL_SIGNAL_WEIGHT,
            quant_weight=settings.QUANT_SIGNAL_WEIGHT,
            observer=self.transcript,
        )
        self._second_ns = 0
        self._renew_at_s = time.monotonic() + RENEW_S
        self._book: BookSnapshot | None = None
        self._tape: ObservationTape | None = None
        self._observed_ns = 0

    async def play(self, feed: Replay, *, symbol: str, exchange: str) -> None:
        worker: SymbolWorker | None = None
        now_ns = 0
        cut: CaptureCut | None = None
        try:
            for now_ns, event in feed:
                if worker is None:
                    worker = await self._begin(exchange, symbol, now_ns)
                await self._observe(worker, now_ns)
                await self._advance(worker, now_ns)
                if isinstance(event, BookSnapshot):
                    self._book = event
                await worker.step(_rebased(event, now_ns), now_ns)
                await worker.tell(now_ns)
        except CaptureCut as error:
            # What came before the cut was traded on, so its positions must be closed all the same.
            cut = error
        if worker is not None:
            await self._settle(worker, now_ns)
            await self._desk.decisions.flush()
            await self._desk.signals.flush()
        if cut is not None:
            raise cut
        if worker is None:
            raise CannotReplay("The capture holds nothing that could be replayed.")

    async def _begin(self, exchange: str, symbol: str, now_ns: int) -> SymbolWorker:
        ids = [copy.bot_id for copy in self._copies]
        state = await self._store.load(ids, now_ns)
        timeframes: tuple[Timeframe, ...] = ("1m", *_extra_timeframes(state.bots[bot_id].timeframes for bot_id in ids))
        worker = SymbolWorker(exchange=exchange, symbol=symbol, desk=self._desk, timeframes=timeframes)
        for timeframe in timeframes:
            worker.signals.warm_up(self._minutes if timeframe == "1m" else aggregated(self._minutes, timeframe))
        for timeframe in dict.fromkeys((*_regime_timeframes(state.bots[bot_id] for bot_id in ids), *DEFAULT_FRAMES)):
            if timeframe not in timeframes:
                worker.signals.follow_regime(timeframe, aggregated(self._minutes, timeframe))
        for place, copy in enumerate(self._copies):
            # The copy's own name and number are new in every replay.
            config = replace(state.bots[copy.bot_id], name=copy.name)
            account = self._desk.accounts.setdefault(config.account.account_id, AccountBooks(config=config.account))
            bot = BotBooks(config=config, token=copy.token, account=account)
            bot.load_results(state.results[copy.bot_id], now_ns)
            self._desk.bots[copy.bot_id] = account.bots[copy.bot_id] = bot
            worker.add_bot(bot, config.instruments[0], now_ns=now_ns)
            # The stagger goes by a bot's number, which is new in every replay.
            seat = worker.seats.seats[place]
            seat.next_store_ns = seat.next_cycle_ns = now_ns
        await worker.rebuild()
        for account in self._desk.accounts.values():
            await self._desk.refresh_account(account)
        self._second_ns = now_ns
        return worker

    async def _observe(self, worker: SymbolWorker, now_ns: int) -> None:
        """Once a second of the stream, as sources tell no faster."""
        # Before the first frame the stream has no time.
        if now_ns - self._observed_ns < SECOND_NS or now_ns <= 0:
            return
        self._observed_ns = now_ns
        if self._tape is None:
            self._tape = ObservationTape(worker.symbol.partition("/")[0], start_ns=now_ns)
            worker.signals.load_observations(await self._tape.before())
        for event in await self._tape.until(now_ns):
            await worker.step(_rebased(event, now_ns), now_ns)

    async def _advance(self, worker: SymbolWorker, now_ns: int) -> None:
        ""
        if now_ns - self._second_ns < SECOND_NS:
            return
        self._second_ns = now_ns
        marks = await worker.on_second(now_ns)
        await check_bots(self._desk, {worker.exchange: now_ns})
        await self._store.save_marks(marks)
        await self._desk.decisions.flush()
        await self._desk.signals.flush()
        if time.monotonic() >= self._renew_at_s:
            self._renew_at_s = time.monotonic() + RENEW_S
            await self._store.renew([copy.token for copy in self._copies], self._holder)

    async def _settle(self, worker: SymbolWorker, now_ns: int) -> None:
        """What an engine does once a second, by the stream's clock; only the lease is renewed by ours."""
        for _, held in worker.held:
            held.position = replace(held.position, close_requested=True)
            held.exit_retry_ns = 0
        for _ in range(5):
            if not worker.held or self._book is None:
                return
            now_ns += SECOND_NS
            await worker.step(replace(self._book, ts_event=now_ns, ts_init=now_ns), now_ns, evaluate=False)
            await worker.execution.on_time(now_ns)

    async def counts(self) -> Counter[str]:
        found: Counter[str] = Counter()
        values = {"bot_ids": [copy.bot_id for copy in self._copies]}
        tables = {"orders": "bots_order", "trades": "bots_trade", "signals": "bots_signal"}
        async with self._store.pool.connection() as connection:
            for name, table in tables.items():
                row = await connection.execute(
                    f"SELECT count(*) AS n FROM {table} WHERE bot_id = ANY(%(bot_ids)s)", values
                )
                found[name] = (await row.fetchone()).n
            row = await connection.execute(
                "SELECT count(*) AS n FROM bots_fill f JOIN bots_order o ON o.id = f.order_id "
                "WHERE o.bot_id = ANY(%(bot_ids)s)",
                values,
            )
            found["fills"] = (await row.fetchone()).n
        return found

    def report(self, feed: Replay, counts: Counter[str], *, seconds: float) -> ReplayReport:
        transcript = self.transcript
        return ReplayReport(
            digest=transcript.digest,
            frames=feed.counts["frames"],
            events={name: count for name, count in sorted(feed.counts.items()) if name != "frames"},
            evaluations=transcript.evaluations,
            decisions=transcript.decisions,
            verdicts=dict(sorted(transcript.verdicts.items())),
            reasons=dict(transcript.reasons.most_common()),
            orders=counts["orders"],
            fills=counts["fills"],
            trades=counts["trades"],
            signals=counts["signals"],
            bot_ids=tuple(copy.bot_id for copy in self._copies),
            seconds=round(seconds, 2),
        )


def _extra_timeframes(weights: Iterable[dict[str, float]]) -> list[Timeframe]:
    given = list(weights)
    return [name for name in TIMEFRAME_SECONDS if name != "1m" and any(found.get(name, 0) > 0 for found in given)]


def _regime_timeframes(configs: Iterable[BotConfig]) -> list[Timeframe]:
    return [timeframe for config in configs for timeframe in regime_weights_of(config)]


def _rebased(event: Event, now_ns: int) -> Event:
    """The stream is the clock, as in a live engine under replay."""
    return event if isinstance(event, Bar) else replace(event, ts_init=now_ns)
