"""The records that travel between deciding, the gate, the broker and the books.

Money, prices and quantities here are Decimal; signals inside a DecisionRecord are floats.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from bots.trading.vocabulary import Action, ExitReason, Ladder, OrderState, OrderType, Purpose, Side, Trigger, Verdict


class InstrumentRules(Struct, frozen=True, kw_only=True):
    """What the venue demands of an order. Sizes in base, prices and notional in quote."""

    instrument_id: int
    exchange: str
    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    can_short: bool = False


class LeaseToken(Struct, frozen=True, kw_only=True):
    """Proof that an engine owned a bot at a moment. Every write of the engine joins on it."""

    bot_id: int
    holder: str
    epoch: int


class Reason(Struct, frozen=True, kw_only=True):
    """Why not, or what a limit said: a stable code and a sentence for people."""

    code: str
    text: str


class DecisionRecord(Struct, frozen=True, kw_only=True):
    """One evaluation of one bot on one instrument, with its whole trace. Becomes a Decision row."""

    id: UUID
    bot_id: int
    instrument_id: int
    symbol: str
    ts_event: int
    trigger: Trigger
    action: Action
    verdict: Verdict
    price: float
    signal: float | None
    confidence: float | None
    coverage: float | None
    multiplier: float | None
    components: tuple[dict[str, Any], ...]
    validators: tuple[dict[str, Any], ...]
    reasons: tuple[Reason, ...]
    reasoning: str
    outlook: str = ""
    exit_reason: ExitReason | None = None
    repeated: int = 0
    market: dict[str, Any] = {}
    trace: dict[str, Any] = {}


class OrderPlan(Struct, frozen=True, kw_only=True):
    """What a decision wants sent. `slot` makes it unique: bar close, N-second slot or tick time, in nanoseconds.

    `limit_price` of a market order is its collar: it is sent as an immediate-or-cancel limit there.
    Stop, target and trailing fraction belong to the position that an entry opens.
    """

    bot_id: int
    account_id: int
    rules: InstrumentRules
    side: Side
    purpose: Purpose
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal
    slot: int
    decided_at_ns: int
    position_id: int | None = None
    exit_reason: ExitReason | None = None
    stop_loss: Decimal = Decimal(0)
    take_profit: Decimal = Decimal(0)
    trailing_stop: Decimal = Decimal(0)
    # What each limit allowed in quote, and the one that decided.
    allowed: dict[str, Decimal] = {}
    binding: str = ""


class SubmittedOrder(Struct, frozen=True, kw_only=True):
    """An order that passed the gate and may be sent, once. `latched` is what the gate restricted with it."""

    order_id: UUID
    intent_id: UUID
    decision_id: UUID
    plan: OrderPlan
    epoch: int
    sign_ts_ms: int
    valid_until_ms: int
    latched: "Restriction | None" = None


class Denied(Struct, frozen=True, kw_only=True):
    """The gate's refusal: nothing was written but the decision with these reasons, and `latched`, a restriction."""

    decision_id: UUID
    reasons: tuple[Reason, ...]
    latched: "Restriction | None" = None


class VenueFill(Struct, frozen=True, kw_only=True):
    """A fill as a venue reports it. Fee in `fee_asset`."""

    trade_id: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    ts_event: int


class VenueReport(Struct, frozen=True, kw_only=True):
    """What a venue says of an order: its state, new fills, and the evidence to keep."""

    order_id: UUID
    state: OrderState
    fills: tuple[VenueFill, ...] = ()
    venue_order_id: str = ""
    error: str = ""
    evidence: dict[str, Any] = {}


class PositionState(Struct, frozen=True, kw_only=True):
    """A position as the engine keeps it in memory, equal to its row. `side` buy is long."""

    position_id: int
    bot_id: int
    instrument_id: int
    side: Side
    quantity: Decimal
    entry_price: Decimal
    stop_price: Decimal
    target_price: Decimal | None
    trailing_stop: Decimal
    high_water_mark: Decimal
    realised_pnl: Decimal
    fees: Decimal
    opened_at_ns: int
    cost: Decimal = Decimal(0)
    opened_quantity: Decimal = Decimal(0)
    exited_quantity: Decimal = Decimal(0)
    exit_price: Decimal | None = None
    close_requested: bool = False
    # What is to be left when somebody asked for it to be closed; how often a person changed stop or target.
    close_to: Decimal = Decimal(0)
    revision: int = 0


class Restriction(Struct, frozen=True, kw_only=True):
    """The strictest ladder step of installation, account and bot, and whose it is. `halts`: the bot goes into error."""

    ladder: Ladder
    scope: str
    reason: str
    halts: bool = False
