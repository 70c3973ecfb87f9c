"""What an engine keeps in memory of accounts and bots: enough to judge risk without asking the database.

The database is the truth: the gate judges again from its rows. What is here is loaded from there and follows what
the order path answers.
"""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

import msgspec

from bots.orders.load import AccountConfig, BotConfig, BotResults, LiveOrder
from bots.orders.times import day_start_ns, week_start_ns
from bots.trading.money import ZERO, multiply
from bots.trading.positions import ClosedPosition, unrealised_pnl, update_stops
from bots.trading.records import InstrumentRules, LeaseToken, OrderPlan, PositionState, Restriction
from bots.trading.risk import RiskState, strictest
from bots.trading.vocabulary import Ladder, Purpose, Side

RECENT_ENTRIES = 50


@dataclass(slots=True, kw_only=True)
class Held:
    """An open position, its stops as floats for comparing on every tick, and its last mark."""

    position: PositionState
    rules: InstrumentRules
    mark: Decimal
    stop: float = 0.0
    target: float = 0.0
    best: float = 0.0
    exit_retry_ns: int = 0
    told_ns: int = 0

    def __post_init__(self) -> None:
        self.take(self.position)

    @property
    def is_long(self) -> bool:
        return self.position.side is Side.BUY

    def take(self, position: PositionState) -> None:
        """Follow the row. A high-water mark seen here but not yet saved is kept."""
        if self.best:
            position = update_stops(position, Decimal(repr(self.best)))
        self.position = position
        self.stop = float(position.stop_price)
        unreachable = float("inf") if self.is_long else 0.0
        self.target = float(position.target_price) if position.target_price is not None else unreachable
        self.best = float(position.high_water_mark)

    def see(self, price: float) -> bool:
        """Take a price that the position could be closed at. True when a stop or target may be due."""
        if self.is_long:
            if price > self.best:
                self._improve(price)
            return price <= self.stop or price >= self.target
        if price < self.best:
            self._improve(price)
        return price >= self.stop or price <= self.target

    def _improve(self, price: float) -> None:
        self.best = price
        if self.position.trailing_stop:
            self.position = update_stops(self.position, Decimal(repr(price)))
            self.stop = float(self.position.stop_price)

    def marked(self, price: Decimal) -> PositionState:
        """The position with its high-water mark up to date, marked at a price."""
        self.mark = price
        self.position = update_stops(self.position, Decimal(repr(self.best)))
        return self.position

    @property
    def result(self) -> Decimal:
        """Realised after fees and unrealised at the last mark, in quote."""
        return self.position.realised_pnl - self.position.fees + unrealised_pnl(self.position, self.mark)


@dataclass(slots=True, kw_only=True)
class Working:
    """An order of ours that has not ended."""

    order_id: UUID
    instrument_id: int
    symbol: str
    purpose: Purpose
    side: Side
    decided_at_ns: int
    quantity: Decimal
    limit_price: Decimal
    is_resting: bool = False
    cancel_requested: bool = False

    @classmethod
    def of_plan(cls, order_id: UUID, plan: OrderPlan) -> "Working":
        return cls(
            order_id=order_id,
            instrument_id=plan.rules.instrument_id,
            symbol=plan.rules.symbol,
            purpose=plan.purpose,
            side=plan.side,
            decided_at_ns=plan.decided_at_ns,
            quantity=plan.quantity,
            limit_price=plan.limit_price,
        )

    @classmethod
    def of_row(cls, order: LiveOrder) -> "Working":
        return cls(
            order_id=order.order_id,
            instrument_id=order.instrument_id,
            symbol=order.symbol,
            purpose=order.purpose,
            side=order.side,
            decided_at_ns=order.decided_at_ns,
            quantity=order.quantity,
            limit_price=order.limit_price,
            is_resting=True,
            cancel_requested=order.cancel_requested,
        )

    @property
    def worst_value(self) -> Decimal:
        return multiply(self.quantity, self.limit_price)


@dataclass(slots=True, kw_only=True)
class AccountBooks:
    """An account's cash and exposure. `foreign` is what bots of other engines hold, by instrument, in quote."""

    config: AccountConfig
    cash: Decimal = ZERO
    reserved: Decimal = ZERO
    foreign: dict[int, Decimal] = field(default_factory=dict)
    bots: dict[int, "BotBooks"] = field(default_factory=dict)

    @property
    def free_cash(self) -> Decimal:
        return self.cash - self.reserved

    def exposure(self, instrument_id: int) -> Decimal:
        """Positions and live entries in an instrument, in quote."""
        total = self.foreign.get(instrument_id, ZERO)
        for bot in self.bots.values():
            held = bot.positions.get(instrument_id)
            if held is not None:
                total += multiply(held.position.quantity, held.mark)
            total += bot.entries_value(instrument_id)
        return total

    def positions_value(self) -> Decimal:
        total = sum(self.foreign.values(), ZERO)
        for bot in self.bots.values():
            for held in bot.positions.values():
                total += multiply(held.position.quantity, held.mark)
        return total

    @property
    def equity(self) -> Decimal:
        return self.cash + self.positions_value()

    @property
    def gross_exposure(self) -> Decimal:
        return self.positions_value() + sum((bot.entries_value() for bot in self.bots.values()), ZERO)


@dataclass(slots=True, kw_only=True)
class BotBooks:
    """A bot: settings, lease, positions, orders and results.

    `suspended` says why no order may be sent for now; `lost` that the lease is gone.
    """

    config: BotConfig
    token: LeaseToken
    account: AccountBooks
    positions: dict[int, Held] = field(default_factory=dict)
    orders: dict[UUID, Working] = field(default_factory=dict)
    closed_total: Decimal = ZERO
    realised_today: Decimal = ZERO
    realised_week: Decimal = ZERO
    peak_equity: Decimal = ZERO
    trades_today: int = 0
    day_ns: int = 0
    week_ns: int = 0
    recent_entries: deque[tuple[int, str, Side]] = field(default_factory=lambda: deque(maxlen=RECENT_ENTRIES))
    suspended: str = ""
    lost: bool = False
    alerted: set[str] = field(default_factory=set)

    @property
    def bot_id(self) -> int:
        return self.config.bot_id

    @property
    def trades(self) -> bool:
        """Whether it is evaluated at all; else only what it holds is looked after."""
        return self.config.state in ("running", "paused")

    @property
    def restriction(self) -> Restriction:
        if self.config.state == "paused":
            paused = Restriction(ladder=Ladder.PAUSE, scope="bot", reason="the bot is paused")
            return strictest(self.config.restriction, paused)
        return self.config.restriction

    def take_config(self, config: BotConfig) -> None:
        """Follow changed settings. The peak is of results: other capital moves it, a new baseline begins it anew."""
        is_new_baseline = config.baseline_ns is not None and config.baseline_ns != self.config.baseline_ns
        self.peak_equity += config.limits.capital - self.config.limits.capital
        self.config = config
        if is_new_baseline:
            self.peak_equity = self.equity

    def load_results(self, results: BotResults, now_ns: int) -> None:
        open_realised = sum((h.position.realised_pnl - h.position.fees for h in self.positions.values()), ZERO)
        self.closed_total = results.realised_total - open_realised
        self.realised_today, self.realised_week = results.realised_today, results.realised_week
        self.peak_equity, self.trades_today = results.peak_equity, results.trades_today
        self.recent_entries.extend(results.recent_entries)
        self.day_ns, self.week_ns = day_start_ns(now_ns), week_start_ns(now_ns)

    @property
    def open_result(self) -> Decimal:
        return sum((held.result for held in self.positions.values()), ZERO)

    @property
    def equity(self) -> Decimal:
        return self.config.limits.capital + self.closed_total + self.open_result

    def roll(self, now_ns: int) -> None:
        """Begin a new day or week, UTC."""
        day_ns = day_start_ns(now_ns)
        if day_ns > self.day_ns:
            self.day_ns, self.realised_today, self.trades_today = day_ns, ZERO, 0
            self.alerted.clear()
        week_ns = week_start_ns(now_ns)
        if week_ns > self.week_ns:
            self.week_ns, self.realised_week = week_ns, ZERO

    def book_close(self, closed: ClosedPosition) -> None:
        self.closed_total += closed.net_pnl
        self.realised_today += closed.net_pnl
        self.realised_week += closed.net_pnl

    def is_done_with(self, instrument_id: int) -> bool:
        """Taken off the watchlist, and nothing of it is held or ordered any more."""
        is_unwatched = instrument_id in self.config.unwatched
        return is_unwatched and instrument_id not in self.positions and self.working(instrument_id) is None

    def working(self, instrument_id: int) -> Working | None:
        for order in self.orders.values():
            if order.instrument_id == instrument_id:
                return order
        return None

    def entries_value(self, instrument_id: int | None = None) -> Decimal:
        """What live entries may still buy, in quote."""
        return sum(
            (
                order.worst_value
                for order in self.orders.values()
                if order.purpose is Purpose.ENTRY and instrument_id in (None, order.instrument_id)
            ),
            ZERO,
        )

    def risk_state(self, instrument_id: int) -> RiskState:
        entering = {order.instrument_id for order in self.orders.values() if order.purpose is Purpose.ENTRY}
        equity, account = self.equity, self.account
        return RiskState(
            restriction=self.restriction,
            realised_today=self.realised_today,
            realised_week=self.realised_week,
            unrealised=self.open_result,
            equity=equity,
            peak_equity=max(self.peak_equity, equity),
            account_equity=account.equity,
            open_positions=len(entering | set(self.positions)),
            has_position=instrument_id in self.positions,
            trades_today=self.trades_today,
            symbol_exposure=account.exposure(instrument_id),
            gross_exposure=account.gross_exposure,
            recent_entries=tuple(self.recent_entries),
        )

    def restrict(self, ladder: Ladder, reason: str) -> None:
        """Follow a tightened ladder at once, before the row is read again."""
        tightened = Restriction(ladder=ladder, scope="bot", reason=reason)
        self.config = msgspec.structs.replace(self.config, restriction=strictest(self.config.restriction, tightened))
