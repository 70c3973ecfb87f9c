"""What the order path answers: records of rows as they stand after a commit."""

from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from bots.trading.positions import ClosedPosition
from bots.trading.records import PositionState, SubmittedOrder, VenueFill
from bots.trading.vocabulary import ExitReason, OrderState, OrderStatus, OrderType, Purpose, Side


class OrderView(Struct, frozen=True, kw_only=True):
    """An order row with what people want to see of its intent."""

    order_id: UUID
    intent_id: UUID
    decision_id: UUID
    bot_id: int
    account_id: int
    instrument_id: int
    symbol: str
    side: Side
    purpose: Purpose
    order_type: OrderType
    exit_reason: ExitReason | None
    state: OrderState
    status: OrderStatus
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None
    limit_price: Decimal
    commission: Decimal
    commission_asset: str
    error: str
    at_ns: int
    execution_ms: float | None = None


class Recorded(Struct, frozen=True, kw_only=True):
    """What a report changed. `fills` are the new ones only; `position` is the open one after it, `closed` the ended one.

    `changed` is false for a report that said nothing new. `halted` says why the bot was stopped, where it was.
    """

    order: OrderView
    fills: tuple[VenueFill, ...] = ()
    position: PositionState | None = None
    closed: ClosedPosition | None = None
    changed: bool = True
    halted: str = ""


class StaleLease(Struct, frozen=True, kw_only=True):
    """The writer no longer owns the bot: the report was kept as evidence, and nothing else changed."""

    order_id: UUID
    bot_id: int
    epoch: int


class RestingOrder(Struct, frozen=True, kw_only=True):
    """A limit order that rested at a restart, to be given to the broker again."""

    order: SubmittedOrder
    filled: Decimal
    fills: int


class VenueOrderState(Struct, frozen=True, kw_only=True):
    """An order at a real venue as the books have it: `booked` are the quantities of its trades by their ids.

    `since_ms`: when it was last changed.
    """

    order: SubmittedOrder
    state: OrderState
    booked: dict[str, Decimal]
    venue_order_id: str
    cancel_requested: bool
    acknowledged: bool
    since_ms: int


class Recovery(Struct, frozen=True, kw_only=True):
    """What was found at start: orders that never filled, ones that still rest on paper, and ones at venues."""

    resolved: tuple[Recorded, ...] = ()
    resting: tuple[RestingOrder, ...] = ()
    at_venues: tuple[VenueOrderState, ...] = ()
