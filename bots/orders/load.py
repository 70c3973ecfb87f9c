"""What an engine needs to know of its bots when it takes them on: settings, positions, orders, balances, results."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from bots.orders import load_sql
from bots.orders.connections import Pool
from bots.orders.rows import position_of, rules_of
from bots.orders.times import day_start_ns, to_datetime, to_ns, week_start_ns
from bots.trading.limits import BotLimits
from bots.trading.records import InstrumentRules, PositionState, Restriction
from bots.trading.risk import strictest
from bots.trading.vocabulary import Ladder, OrderState, OrderType, Purpose, Side


class AccountConfig(Struct, frozen=True, kw_only=True):
    """An account as the broker needs it."""

    account_id: int
    owner_id: int
    exchange: str
    stream_clock: bool
    mode: str
    quote_asset: str
    maker_fee_bps: Decimal
    taker_fee_bps: Decimal
    latency_ms: int
    # When its owner let it trade real money; None for paper and sandbox.
    live_since_ns: int | None = None


class BotConfig(Struct, frozen=True, kw_only=True):
    """A bot's settings. `version` goes up with every change.

    `instruments` are its watchlist and what it still holds or has ordered; of those, `unwatched` are not entered again.
    `closing`: it was stopped with the wish to hold nothing, so that whatever fills still is left too.
    `baseline_ns`: since when its drawdown is measured: its start, or when its restriction was cleared.
    """

    bot_id: int
    owner_id: int
    name: str
    state: str
    version: int
    account: AccountConfig
    restriction: Restriction
    evaluation: str
    interval_s: int
    timeframes: dict[str, float]
    component_weights: dict[str, float]
    strategy_weight_balance: float | None
    use_diversification_multiplier: bool
    validator_enabled: bool
    minimum_coverage: float
    second_source: bool
    signal_storage: str
    order_type: OrderType
    limits: BotLimits
    instruments: tuple[InstrumentRules, ...]
    session_id: int | None
    session_started_ns: int | None
    unwatched: frozenset[int] = frozenset()
    closing: bool = False
    baseline_ns: int | None = None
    disabled_strategies: tuple[str, ...] = ()
    adapt_to_regime: bool = False
    regime_timeframes: dict[str, float] = {}
    maximum_volatility: float = 0.95
    edge_gate: bool = False
    on_daily_loss: str = "pause"
    on_drawdown: Ladder = Ladder.REDUCE


class BotResults(Struct, frozen=True, kw_only=True):
    """How a bot stands. Realised is after fees; `peak_equity` is since its baseline; recent entries as RiskState has them."""

    realised_today: Decimal
    realised_week: Decimal
    realised_total: Decimal
    peak_equity: Decimal
    trades_today: int
    recent_entries: tuple[tuple[int, str, Side], ...]


class LiveOrder(Struct, frozen=True, kw_only=True):
    """An order that has not ended."""

    order_id: UUID
    bot_id: int
    instrument_id: int
    symbol: str
    side: Side
    purpose: Purpose
    order_type: OrderType
    state: OrderState
    quantity: Decimal
    filled_quantity: Decimal
    limit_price: Decimal
    position_id: int | None
    decided_at_ns: int
    cancel_requested: bool


class BalanceState(Struct, frozen=True, kw_only=True):
    """What an account holds of an asset."""

    total: Decimal
    reserved: Decimal

    @property
    def free(self) -> Decimal:
        return self.total - self.reserved


class EngineState(Struct, frozen=True, kw_only=True):
    """Everything of the bots asked for. `positions` are of their whole accounts, for exposure; `marks` by position."""

    bots: dict[int, BotConfig]
    results: dict[int, BotResults]
    positions: tuple[PositionState, ...]
    account_of_position: dict[int, int]
    marks: dict[int, Decimal]
    orders: tuple[LiveOrder, ...]
    balances: dict[int, dict[str, BalanceState]]


async def load_engine_state(pool: Pool, bot_ids: Sequence[int], now_ns: int) -> EngineState:
    """Read the state of bots in one snapshot. Days and weeks are those of `now_ns`, which under replay is the stream's."""
    values = {
        "bot_ids": list(bot_ids),
        "day_start": to_datetime(day_start_ns(now_ns)),
        "week_start": to_datetime(week_start_ns(now_ns)),
    }
    names = ("BOTS", "INSTRUMENTS", "RESULTS", "ENTRIES", "POSITIONS", "ORDERS", "BALANCES")
    async with pool.connection() as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        rows = {}
        for name in names:
            cursor = await connection.execute(getattr(load_sql, name), values)
            rows[name] = await cursor.fetchall()
    instruments: dict[int, list[InstrumentRules]] = {}
    unwatched: dict[int, set[int]] = {}
    for row in rows["INSTRUMENTS"]:
        instruments.setdefault(row.bot_id, []).append(rules_of(row))
        if not row.watched:
            unwatched.setdefault(row.bot_id, set()).add(row.instrument_id)
    entries: dict[int, list[tuple[int, str, Side]]] = {}
    for row in rows["ENTRIES"]:
        entries.setdefault(row.bot_id, []).append((to_ns(row.decided_at), row.symbol, Side(row.side)))
    bots = {
        row.id: _bot_config(row, tuple(instruments.get(row.id, ())), frozenset(unwatched.get(row.id, ())))
        for row in rows["BOTS"]
    }
    balances: dict[int, dict[str, BalanceState]] = {}
    for row in rows["BALANCES"]:
        balances.setdefault(row.account_id, {})[row.asset] = BalanceState(total=row.total, reserved=row.reserved)
    return EngineState(
        bots=bots,
        results={
            row.bot_id: _results(row, bots[row.bot_id], tuple(entries.get(row.bot_id, ())[-50:]))
            for row in rows["RESULTS"]
        },
        positions=tuple(position_of(row) for row in rows["POSITIONS"]),
        account_of_position={row.id: row.account_id for row in rows["POSITIONS"]},
        marks={row.id: row.mark_price for row in rows["POSITIONS"] if row.mark_price is not None},
        orders=tuple(_live_order(row) for row in rows["ORDERS"]),
        balances=balances,
    )


def _bot_config(row: Any, instruments: tuple[InstrumentRules, ...], unwatched: frozenset[int]) -> BotConfig:
    account = AccountConfig(
        account_id=row.account_id,
        owner_id=row.owner_id,
        exchange=row.exchange,
        stream_clock=row.clock == "stream",
        mode=row.mode,
        quote_asset=row.quote_asset,
        maker_fee_bps=row.maker_fee_bps,
        taker_fee_bps=row.taker_fee_bps,
        latency_ms=row.latency_ms,
        live_since_ns=to_ns(row.live_since) if row.live_since else None,
    )
    limits = BotLimits(
        **{name: getattr(row, name) for name in BotLimits.__struct_fields__},
    )
    restriction = strictest(
        Restriction(ladder=Ladder(row.installation_ladder), scope="installation", reason=row.installation_reason),
        Restriction(ladder=Ladder(row.account_ladder), scope="account", reason=row.account_reason),
        Restriction(ladder=Ladder(row.bot_ladder), scope="bot", reason=row.bot_reason),
    )
    return BotConfig(
        bot_id=row.id,
        owner_id=row.owner_id,
        name=row.name,
        state=row.state,
        version=row.version,
        account=account,
        restriction=restriction,
        evaluation=row.evaluation,
        interval_s=row.interval_s,
        timeframes=row.timeframes,
        component_weights=row.component_weights,
        strategy_weight_balance=row.strategy_weight_balance,
        use_diversification_multiplier=row.use_diversification_multiplier,
        validator_enabled=row.validator_enabled,
        disabled_strategies=tuple(row.disabled_strategies),
        adapt_to_regime=row.adapt_to_regime,
        regime_timeframes=row.regime_timeframes,
        maximum_volatility=row.maximum_volatility,
        edge_gate=row.edge_gate,
        on_daily_loss=row.on_daily_loss,
        on_drawdown=Ladder(row.on_drawdown),
        minimum_coverage=row.minimum_coverage,
        second_source=row.second_source,
        signal_storage=row.signal_storage,
        order_type=OrderType(row.order_type),
        limits=limits,
        instruments=instruments,
        session_id=row.session_id,
        session_started_ns=to_ns(row.session_started_at) if row.session_started_at else None,
        unwatched=unwatched,
        closing=row.closing,
        baseline_ns=to_ns(row.baseline_at) if row.baseline_at else None,
    )


def _results(row: Any, bot: BotConfig, entries: tuple[tuple[int, str, Side], ...]) -> BotResults:
    now_equity = bot.limits.capital + row.realised_total
    peak = now_equity if row.peak_pnl is None else max(now_equity, bot.limits.capital + row.peak_pnl)
    return BotResults(
        realised_today=row.realised_today,
        realised_week=row.realised_week,
        realised_total=row.realised_total,
        peak_equity=peak,
        trades_today=row.trades_today,
        recent_entries=entries,
    )


def _live_order(row: Any) -> LiveOrder:
    return LiveOrder(
        order_id=row.id,
        bot_id=row.bot_id,
        instrument_id=row.instrument_id,
        symbol=row.symbol,
        side=Side(row.side),
        purpose=Purpose(row.purpose),
        order_type=OrderType(row.order_type),
        state=OrderState(row.state),
        quantity=row.quantity,
        filled_quantity=row.filled_quantity,
        limit_price=row.limit_price,
        position_id=row.position_id,
        decided_at_ns=to_ns(row.decided_at),
        cancel_requested=row.cancel_requested,
    )
