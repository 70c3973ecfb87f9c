"""Orders, fills and accounts of the venue. Amounts in units of 1e-8."""

from dataclasses import dataclass, field
from enum import StrEnum


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    MARKET = "MARKET"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"

    @property
    def has_price(self) -> bool:
        return self not in (OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT)

    @property
    def has_stop(self) -> bool:
        return self.startswith(("STOP_LOSS", "TAKE_PROFIT"))


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    # Post only, on the futures market.
    GTX = "GTX"


class Status(StrEnum):
    # Waits for another order of its list.
    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


class SelfTrade(StrEnum):
    """What happens when an account would trade with itself."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


OPEN_STATUSES = frozenset({Status.PENDING_NEW, Status.NEW, Status.PARTIALLY_FILLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """A request to place an order, parsed but not yet judged."""

    symbol: str
    side: Side
    type: OrderType
    quantity: int = 0
    quote_quantity: int = 0
    price: int = 0
    stop_price: int = 0
    time_in_force: TimeInForce = TimeInForce.GTC
    client_order_id: str = ""
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER
    iceberg: int = 0
    trailing_delta: int = 0


@dataclass(slots=True, kw_only=True)
class Order:
    """An order the venue accepted."""

    id: int
    account_id: int
    symbol: str
    client_order_id: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    price: int
    quantity: int
    quote_quantity: int
    stop_price: int
    self_trade: SelfTrade
    status: Status
    executed: int
    executed_quote: int
    # What is still reserved for it: quote of a buy, base of a sell.
    locked: int
    # A stop order works from the moment it triggers.
    working: bool
    # Quantity that was at its level before it, still to trade.
    queue_ahead: int
    time_ms: int
    update_ms: int
    working_ms: int
    # Of an order list, -1 for an order alone.
    list_id: int = -1
    # Shown at a time, 0 for the whole order.
    iceberg: int = 0
    # In basis points, and the best price it has seen since it is active; 0 for a stop that stands still.
    trailing_delta: int = 0
    trail_price: int = 0

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def remaining(self) -> int:
        return self.quantity - self.executed

    @property
    def visible(self) -> int:
        """What others can see of it."""
        return min(self.remaining, self.iceberg - self.executed % self.iceberg) if self.iceberg else self.remaining

    @property
    def triggers_above(self) -> bool:
        """Whether the stop waits for a rise (otherwise for a fall)."""
        return (self.side is Side.BUY) == self.type.startswith("STOP_LOSS")


@dataclass(slots=True, kw_only=True)
class OrderList:
    """Orders tied together; `working_id` is the one that the others wait for, 0 where none does."""

    id: int
    account_id: int
    symbol: str
    # OCO, OTO or OTOCO.
    kind: str
    client_id: str
    order_ids: list[int]
    client_ids: list[str]
    working_id: int
    time_ms: int
    update_ms: int
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution of an order."""

    id: int
    order_id: int
    account_id: int
    symbol: str
    price: int
    quantity: int
    quote: int
    commission: int
    commission_asset: str
    is_buyer: bool
    is_maker: bool
    time_ms: int
    # Voided by the venue afterwards.
    busted: bool = False


@dataclass(slots=True)
class Balance:
    free: int = 0
    locked: int = 0


@dataclass(slots=True, kw_only=True)
class Account:
    """A customer: an API key, balances by asset, and its open orders by id."""

    id: int
    name: str
    key: str
    secret: str
    # What fees are paid in; "": what is received.
    fee_asset: str = ""
    balances: dict[str, Balance] = field(default_factory=dict)
    open_orders: dict[int, Order] = field(default_factory=dict)

    def balance(self, asset: str) -> Balance:
        return self.balances.setdefault(asset, Balance())
