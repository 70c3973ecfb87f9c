"""The words that orders, positions and decisions are made of; the database's choices are derived from them."""

from enum import StrEnum


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"


class OrderState(StrEnum):
    """Where one attempt stands. ORDER_EDGES in `orders.py` says which changes are legal."""

    PLANNED = "planned"
    DENIED = "denied"
    SENDING = "sending"
    UNKNOWN = "unknown"
    OPEN = "open"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    ABSENT = "absent"


class OrderStatus(StrEnum):
    """What integrations see of an order's state."""

    PENDING = "pending"
    FILLED = "filled"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Purpose(StrEnum):
    ENTRY = "entry"
    EXIT = "exit"


class ExitReason(StrEnum):
    SIGNAL = "signal"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING_STOP = "trailing_stop"
    MANUAL = "manual"
    FLATTEN = "flatten"
    DUST = "dust"


class Action(StrEnum):
    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"


class Verdict(StrEnum):
    """How a decision ended: nothing to do, sent to the gate, or refused by risk or the gate."""

    HOLD = "hold"
    APPROVED = "approved"
    REJECTED = "rejected"


class Trigger(StrEnum):
    TICK = "tick"
    BAR_CLOSE = "bar_close"
    INTERVAL = "interval"
    STOP = "stop"
    MANUAL = "manual"
    MONITOR = "monitor"


class Ladder(StrEnum):
    """How far trading is restricted: no entries; exits only; close everything and stay off."""

    ACTIVE = "active"
    PAUSE = "pause"
    REDUCE = "reduce"
    FLATTEN = "flatten"

    @property
    def rank(self) -> int:
        return list(Ladder).index(self)
