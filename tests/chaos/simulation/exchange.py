"""A venue in memory: what it has is the truth, what it says is drawn by lot."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bots.brokers.venue import (
    Answer,
    Hearer,
    KeyScope,
    OrderRef,
    Outcome,
    VenueBalance,
    VenueOrder,
    VenueTrade,
    VenueUnavailable,
)
from bots.trading.records import SubmittedOrder, VenueFill
from bots.trading.vocabulary import OrderState, OrderType, Side
from tests.chaos.simulation.fate import Fate
from tests.chaos.simulation.virtual import VirtualLoop

S = OrderState
PRICE = Decimal("100000.00")
FEE = Decimal("0.001")
ANSWER_S = 5.0
OPEN = frozenset({S.OPEN, S.PARTIAL})
NOT_FOUND = Answer(outcome=Outcome.NOT_FOUND, code="-2013")


@dataclass
class Row:
    """An order as it truly is."""

    order: SubmittedOrder
    venue_order_id: str
    at_ms: int
    state: OrderState
    filled: Decimal = Decimal(0)
    hidden_until_ms: int = 0
    trades_until_ms: int = 0
    trades: list[VenueTrade] = field(default_factory=list)

    @property
    def locked(self) -> tuple[str, Decimal]:
        plan = self.order.plan
        left = plan.quantity - self.filled if self.state in OPEN else Decimal(0)
        return (plan.rules.quote, left * plan.limit_price) if plan.side is Side.BUY else (plan.rules.base, left)

    def view(self) -> VenueOrder:
        plan = self.order.plan
        return VenueOrder(
            venue_order_id=self.venue_order_id, client_order_id=self.order.order_id.hex, symbol=plan.rules.symbol,
            side=plan.side, state=self.state, quantity=plan.quantity, filled=self.filled,
            limit_price=plan.limit_price, created_ms=self.at_ms, updated_ms=self.at_ms,
        )  # fmt: skip


class Exchange:
    """One account. `epoch`: of the lease of the process that owns the bot now."""

    def __init__(self, rng: random.Random, loop: VirtualLoop) -> None:
        self.rng = rng
        self.loop = loop
        self.balances: dict[str, Decimal] = {"USDT": Decimal(10_000), "BTC": Decimal(1), "ETH": Decimal(2)}
        self.rows: dict[str, Row] = {}
        self.received: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.epoch = 0
        self.stale_accepted: list[str] = []
        self.is_calm = False
        self.listeners: list[Callable[[VenueOrder | VenueTrade], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._next = 1
        self.error_rate = rng.choice((0.0, 0.02, 0.1))
        self.late_trades = rng.random() < 0.2

    def now_ms(self) -> int:
        return self.loop.time_ns() // 1_000_000

    def chance(self, share: float) -> bool:
        return not self.is_calm and self.rng.random() < share

    def row_of(self, ref: OrderRef) -> Row | None:
        by_venue = (row for row in self.rows.values() if row.venue_order_id == ref.venue_order_id)
        return self.rows.get(ref.client_order_id) or next(by_venue, None)

    # --- What happens ------------------------------------------------------------------------------------------

    async def arrive(self, order: SubmittedOrder, answered: asyncio.Future[Answer]) -> None:
        """The request on its way, its matching, and the way of the answer: none of it is the sender's process."""
        if self.chance(0.1):
            self.counts["lost on the way"] += 1
            return
        is_slow = self.chance(0.15)
        await asyncio.sleep(self.rng.uniform(0.5, 12) if is_slow else self.rng.uniform(0.001, 0.05))
        self.received[order.order_id.hex] += 1
        if self.is_over(order):
            self.counts["refused: too late"] += 1
            _set(answered, Answer(outcome=Outcome.REJECTED, code="-1021", error="outside of its window"))
            return
        if order.epoch < self.epoch:
            self.stale_accepted.append(order.order_id.hex)
        if self.chance(0.05):
            _set(answered, Answer(outcome=Outcome.REJECTED, code="-2010", error="refused"))
            return
        if self.chance(0.1):
            await asyncio.sleep(self.rng.uniform(1, 9))
        row = self._accept(order)
        await asyncio.sleep(self.rng.uniform(0.001, 0.05))
        if self.chance(0.2):
            self.counts["answer lost"] += 1
            return
        trades = () if self.now_ms() < row.trades_until_ms else tuple(row.trades)
        _set(answered, Answer(outcome=Outcome.FOUND, order=row.view(), trades=trades))

    def is_over(self, order: SubmittedOrder) -> bool:
        return self.now_ms() > order.valid_until_ms

    def _accept(self, order: SubmittedOrder) -> Row:
        rng, plan, now_ms = self.rng, order.plan, self.now_ms()
        name = order.order_id.hex
        row = self.rows[name] = Row(order, f"v{self._number()}", now_ms, S.OPEN)
        if self.chance(0.15):
            row.hidden_until_ms = now_ms + rng.choice((1_000, 8_000, 30_000))
        if self.late_trades:
            row.trades_until_ms = now_ms + rng.randrange(200, 30_000)
        self._tell(row.view())
        if plan.order_type is OrderType.MARKET:
            share = 1 if self.is_calm else rng.choice((0, Decimal("0.4"), 1, 1, 1))
            self._fill(row, (plan.quantity * share).quantize(plan.rules.lot_size))
            if row.state in OPEN:
                row.state = S.EXPIRED
                self._tell(row.view())
        else:
            self.spawn(self._trade(row))
        return row

    async def _trade(self, row: Row) -> None:
        """A resting order: filled in parts, at once, or not at all."""
        for _ in range(self.rng.choice((0, 1, 1, 2, 3))):
            await asyncio.sleep(self.rng.expovariate(1 / 8))
            self._fill(row, (row.order.plan.quantity * Decimal("0.5")).quantize(row.order.plan.rules.lot_size))

    def _fill(self, row: Row, quantity: Decimal) -> None:
        plan = row.order.plan
        quantity = min(quantity, plan.quantity - row.filled)
        if row.state not in OPEN or quantity <= 0:
            return
        price = min(PRICE, plan.limit_price) if plan.side is Side.BUY else max(PRICE, plan.limit_price)
        rules, cost = plan.rules, quantity * price
        gets, gives = (quantity, cost) if plan.side is Side.BUY else (cost, quantity)
        into, out_of = (rules.base, rules.quote) if plan.side is Side.BUY else (rules.quote, rules.base)
        fee = gets * FEE
        self.balances[into] += gets - fee
        self.balances[out_of] -= gives
        row.filled += quantity
        row.state = S.FILLED if row.filled == plan.quantity else S.PARTIAL
        fill = VenueFill(
            trade_id=f"t{self._number()}", price=price, quantity=quantity, fee=fee, fee_asset=into, is_maker=False,
            ts_event=self.loop.time_ns(),
        )  # fmt: skip
        name = row.order.order_id.hex if self.rng.random() < 0.5 else ""
        trade = VenueTrade(
            venue_order_id=row.venue_order_id, symbol=rules.symbol, side=plan.side, fill=fill, client_order_id=name
        )
        row.trades.append(trade)
        told = [row.view(), trade]
        self.rng.shuffle(told)
        for news in told:
            self._tell(news)

    def cancel(self, row: Row) -> Answer:
        if row.state not in OPEN:
            return NOT_FOUND
        if self.chance(0.2):
            self.counts["cancel swallowed"] += 1
            return Answer(outcome=Outcome.UNCLEAR, error="lost")
        if self.chance(0.2):
            self._fill(row, row.order.plan.quantity)
            return NOT_FOUND
        row.state = S.CANCELED
        self._tell(row.view())
        return Answer(outcome=Outcome.FOUND, order=row.view())

    def _tell(self, news: VenueOrder | VenueTrade) -> None:
        """By the account's stream: late, twice, or not at all."""
        if self.chance(0.1):
            return
        times = 2 if self.chance(0.1) else 1
        for hear in self.listeners:
            for _ in range(times):
                self.loop.call_later(self.rng.expovariate(1 / 0.05), hear, news)

    def _number(self) -> int:
        self._next += 1
        return self._next

    def spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()


class Door:
    """A process's connection with the venue; honours `Venue`."""

    def __init__(self, exchange: Exchange, fate: Fate) -> None:
        self.exchange = exchange
        self.fate = fate
        self._synced_ms: int | None = None

    async def place(self, order: SubmittedOrder) -> Answer:
        await self.fate.at("place.before")
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.exchange.spawn(self.exchange.arrive(order, answered))
        await self.fate.at("place.sent")
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await answered
        except TimeoutError:
            answer = Answer(outcome=Outcome.UNCLEAR, error="no answer")
        await self.fate.at("place.after")
        return answer

    async def cancel(self, ref: OrderRef) -> Answer:
        await self._asked()
        row = self.exchange.row_of(ref)
        answer = NOT_FOUND if row is None or self._hides(row) else self.exchange.cancel(row)
        await self.fate.at("venue.answer")
        return answer

    async def find(self, ref: OrderRef) -> Answer:
        await self._asked()
        row = self.exchange.row_of(ref)
        if row is None or self._hides(row):
            return NOT_FOUND
        return Answer(outcome=Outcome.FOUND, order=row.view())

    async def open_orders(self) -> Sequence[VenueOrder]:
        await self._asked()
        return [row.view() for row in self.exchange.rows.values() if row.state in OPEN and not self._hides(row)]

    async def recent_orders(self, symbol: str, *, since_ms: int) -> Sequence[VenueOrder]:
        await self._asked()
        # One window of a venue that hides an order must be honest, or nobody could ever know of it.
        return [
            row.view()
            for row in self.exchange.rows.values()
            if row.order.plan.rules.symbol == symbol and row.at_ms >= since_ms
            and self.exchange.now_ms() >= min(row.hidden_until_ms, row.at_ms + 1_500)
        ]  # fmt: skip

    async def trades(self, symbol: str, *, since_ms: int) -> Sequence[VenueTrade]:
        await self._asked()
        return [
            trade
            for row in self.exchange.rows.values()
            for trade in row.trades
            if trade.symbol == symbol and trade.fill.ts_event // 1_000_000 >= since_ms
            and self.exchange.now_ms() >= row.trades_until_ms
        ]  # fmt: skip

    async def balances(self) -> Sequence[VenueBalance]:
        await self._asked()
        locked: dict[str, Decimal] = {}
        for row in self.exchange.rows.values():
            asset, amount = row.locked
            locked[asset] = locked.get(asset, Decimal(0)) + amount
        return [
            VenueBalance(asset=asset, total=total, free=total - locked.get(asset, Decimal(0)))
            for asset, total in self.exchange.balances.items()
        ]

    async def venue_time_ns(self) -> int:
        await self.fate.at("venue.time")
        return self.exchange.loop.time_ns()

    async def scope(self) -> KeyScope:
        return KeyScope(can_trade=True, can_withdraw=False)

    async def listen(self, hearer: Hearer) -> None:
        queue: asyncio.Queue[VenueOrder | VenueTrade] = asyncio.Queue()
        while True:
            await self.fate.at("venue.listen")
            self.exchange.listeners.append(queue.put_nowait)
            self._synced_ms = self.exchange.now_ms()
            try:
                lasts_s = None if self.exchange.is_calm else self.exchange.rng.expovariate(1 / 60)
                async with asyncio.timeout(lasts_s):
                    while True:
                        news = await queue.get()
                        await self.fate.at("venue.news")
                        await hearer(news)
            except TimeoutError:
                pass
            finally:
                self._synced_ms = None
                self.exchange.listeners.remove(queue.put_nowait)
            await asyncio.sleep(self.exchange.rng.uniform(0.1, 5))

    @property
    def synced_since_ms(self) -> int | None:
        return self._synced_ms

    async def close(self) -> None:
        """Nothing is kept."""

    async def _asked(self) -> None:
        await self.fate.at("venue.ask")
        await asyncio.sleep(self.exchange.rng.uniform(0.005, 0.2))
        if self.exchange.chance(self.exchange.error_rate):
            raise VenueUnavailable("no answer")

    def _hides(self, row: Row) -> bool:
        return self.exchange.now_ms() < row.hidden_until_ms


def _set(answered: asyncio.Future[Answer], answer: Answer) -> None:
    if not answered.done():
        answered.set_result(answer)
