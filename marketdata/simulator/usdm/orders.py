"""Orders, fills, positions and wallets of the USD-M futures. Amounts in units of 1e-8; positions are one-way."""

from dataclasses import dataclass, field
from enum import StrEnum

from marketdata.simulator.numbers import times
from marketdata.simulator.orders import Fill, Order, Side


class AlgoType(StrEnum):
    """Orders that wait for a price and then become a plain one."""

    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"

    @property
    def has_price(self) -> bool:
        return self in (AlgoType.STOP, AlgoType.TAKE_PROFIT)


@dataclass(slots=True, kw_only=True)
class FuturesOrder(Order):
    """A plain order: LIMIT or MARKET; `original` is what it was before it triggered."""

    reduce_only: bool = False
    close_position: bool = False
    original: str = ""
    algo_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesFill(Fill):
    """`realized` is what it made or lost of the position it closed, before fees."""

    realized: int = 0


@dataclass(slots=True, kw_only=True)
class AlgoOrder:
    """A conditional order; `quantity` 0 closes the position."""

    id: int
    account_id: int
    symbol: str
    client_id: str
    side: Side
    type: AlgoType
    time_in_force: str
    price: int
    quantity: int
    trigger_price: int
    # Percent of a trailing stop in units of 1e-8, the price from which on it trails, and the best one since.
    callback_rate: int
    activate_price: int
    best_price: int
    reduce_only: bool
    close_position: bool
    working_type: str
    # NEW, TRIGGERED, FINISHED, CANCELED, EXPIRED or REJECTED.
    status: str
    order_id: int
    time_ms: int
    update_ms: int

    @property
    def is_open(self) -> bool:
        return self.status == "NEW"


@dataclass(slots=True, kw_only=True)
class Position:
    """`amount` is signed; `cost` is what it was bought for, negative for a short."""

    account_id: int
    symbol: str
    amount: int = 0
    cost: int = 0
    leverage: int = 1
    update_ms: int = 0

    @property
    def entry_price(self) -> int:
        return self.cost * 10**8 // self.amount if self.amount else 0

    def worth(self, price: int) -> int:
        """Profit that is not realized, at a price."""
        return self.amount * price // 10**8 - self.cost

    def trade(self, side: Side, price: int, quantity: int) -> int:
        """Take a trade in; gives the profit realized by what it closed."""
        sign = 1 if side is Side.BUY else -1
        signed, value = sign * quantity, sign * times(price, quantity)
        before = self.cost
        if self.amount * signed >= 0:
            self.cost += value
            self.amount += signed
            return 0
        if abs(signed) < abs(self.amount):
            self.cost = self.cost * (abs(self.amount) - abs(signed)) // abs(self.amount)
        elif abs(signed) == abs(self.amount):
            self.cost = 0
        else:
            self.cost = sign * times(price, abs(self.amount + signed))
        self.amount += signed
        # What came in as money, and what the books say less of the position.
        return self.cost - before - value


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """A change of a wallet: REALIZED_PNL, COMMISSION, FUNDING_FEE, TRANSFER or INSURANCE_CLEAR."""

    id: int
    account_id: int
    symbol: str
    kind: str
    asset: str
    amount: int
    time_ms: int
    trade_id: int = 0


@dataclass(slots=True)
class Trader:
    """One account's futures side."""

    id: int
    wallets: dict[str, int] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    open_orders: dict[int, FuturesOrder] = field(default_factory=dict)
    algos: dict[int, AlgoOrder] = field(default_factory=dict)

    def position(self, symbol: str) -> Position:
        return self.positions.setdefault(symbol, Position(account_id=self.id, symbol=symbol))
