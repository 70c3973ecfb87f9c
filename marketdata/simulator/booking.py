"""The venue's bookkeeping: reservations, executions, fees, and the changes of one operation as one transaction."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from marketdata.simulator.errors import INSUFFICIENT, rejected
from marketdata.simulator.fees import Fees, commission
from marketdata.simulator.numbers import times
from marketdata.simulator.orders import Account, Fill, Order, OrderList, Side, Status
from marketdata.simulator.symbols import SymbolSpec
from marketdata.simulator.user_book import UserBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One thing that happened to an order (NEW, TRADE, CANCELED, EXPIRED …), with its numbers right after it."""

    account: Account
    order: Order
    execution: str
    status: Status
    executed: int
    executed_quote: int
    time_ms: int
    fill: Fill | None = None
    # On a cancel, the id of the cancel request.
    cancel_id: str | None = None


class Other(StrEnum):
    """Where what customers have came from, and where it goes."""

    MARKET = "market"
    FEES = "fees"
    OUTSIDE = "outside"


@dataclass(slots=True)
class Changes:
    """Everything one operation changed."""

    orders: dict[int, Order] = field(default_factory=dict)
    balances: dict[tuple[int, str], Account] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    lists: dict[int, OrderList] = field(default_factory=dict)
    # (who, asset) → amount: what the others have more now, so that every asset's sum stays zero.
    others: dict[tuple[Other, str], int] = field(default_factory=dict)

    def give(self, other: Other, asset: str, amount: int) -> None:
        self.others[other, asset] = self.others.get((other, asset), 0) + amount


class Booking:
    """Accounts, customers' books and what the operation in progress changed."""

    def __init__(
        self,
        *,
        specs: Mapping[str, SymbolSpec],
        accounts: Mapping[int, Account],
        fees: Fees,
        next_fill_id: int,
        commit: Callable[[Changes], None],
        last_price: Callable[[str], int | None] = lambda symbol: None,
    ) -> None:
        self._specs = specs
        self.accounts = dict(accounts)
        self.fees = fees
        self.books: dict[str, UserBook[Order]] = {symbol: UserBook() for symbol in specs}
        self._next_fill_id = next_fill_id
        self._commit = commit
        self._last_price = last_price
        # How much more than it asked for an order is filled: nothing, but for a fault.
        self.extra_of: Callable[[Order], int] = lambda order: 0
        # Called for orders of a list: before one is filled, and after one came to its end.
        self.before_fill: Callable[[Order, int], None] = lambda order, now_ms: None
        self.after_close: Callable[[Order, int], None] = lambda order, now_ms: None
        self.changes = Changes()

    def apply(self, order: Order, price: int, quantity: int, *, maker: bool, now_ms: int, over: bool = False) -> None:
        """Book one execution: what was reserved is spent, what is received is credited less the fee.

        `over` is more than the order asked for: nothing is reserved for it.
        """
        account = self.accounts[order.account_id]
        spec = self._specs[order.symbol]
        if order.list_id >= 0:
            self.before_fill(order, now_ms)
        value = times(price, quantity)
        if order.side is Side.BUY:
            spent_asset, spent, asset, received = spec.quote, value, spec.base, quantity
            reserved = times(order.price, quantity) if order.type.has_price else value
        else:
            spent_asset, spent, asset, received = spec.base, quantity, spec.quote, value
            reserved = quantity
        reserved = 0 if over else min(reserved, order.locked)
        paying = account.balance(spent_asset)
        if paying.free + reserved < spent:
            raise rejected(INSUFFICIENT)
        paying.locked -= reserved
        paying.free += reserved - spent
        order.locked -= reserved
        fee = commission(
            account,
            spec,
            bps=self.fees.maker_bps if maker else self.fees.taker_bps,
            asset=asset,
            received=received,
            value=value,
            price=price,
            last_price=self._last_price,
        )
        account.balance(asset).free += received
        account.balance(fee.asset).free -= fee.amount
        order.executed += quantity
        order.executed_quote += value
        order.update_ms = now_ms
        order.status = Status.FILLED if order.remaining <= 0 else Status.PARTIALLY_FILLED
        fill = Fill(
            id=self._next_fill_id,
            order_id=order.id,
            account_id=account.id,
            symbol=order.symbol,
            price=price,
            quantity=quantity,
            quote=value,
            commission=fee.amount,
            commission_asset=fee.asset,
            is_buyer=order.side is Side.BUY,
            is_maker=maker,
            time_ms=now_ms,
        )
        self._next_fill_id += 1
        self.changes.fills.append(fill)
        for changed in (asset, spent_asset, fee.asset):
            self.changes.balances[account.id, changed] = account
        self.changes.give(Other.MARKET, spent_asset, spent)
        self.changes.give(Other.MARKET, asset, -received)
        self.changes.give(Other.FEES, fee.asset, fee.amount)
        if not order.is_open:
            self.close(order)
        self.report(order, "TRADE", now_ms, fill=fill)
        if order.list_id >= 0 and not order.is_open:
            self.after_close(order, now_ms)
        extra = 0 if over or order.is_open else self.extra_of(order)
        if extra and paying.free >= (times(price, extra) if order.side is Side.BUY else extra):
            self.apply(order, price, extra, maker=maker, now_ms=now_ms, over=True)

    def finish(
        self, order: Order, status: Status, execution: str, now_ms: int, *, cancel_id: str | None = None
    ) -> None:
        order.status, order.update_ms = status, now_ms
        self.close(order)
        self.report(order, execution, now_ms, cancel_id=cancel_id)
        if order.list_id >= 0:
            self.after_close(order, now_ms)

    def close(self, order: Order) -> None:
        account = self.accounts[order.account_id]
        self.lock(account, order, -order.locked)
        account.open_orders.pop(order.id, None)
        self.books[order.symbol].remove(order)

    def lock(self, account: Account, order: Order, amount: int) -> None:
        spec = self._specs[order.symbol]
        asset = spec.quote if order.side is Side.BUY else spec.base
        balance = account.balance(asset)
        if amount > balance.free:
            raise rejected(INSUFFICIENT)
        balance.free -= amount
        balance.locked += amount
        order.locked += amount
        self.changes.balances[account.id, asset] = account

    def report(
        self, order: Order, execution: str, now_ms: int, *, fill: Fill | None = None, cancel_id: str | None = None
    ) -> None:
        self.changes.orders[order.id] = order
        self.changes.reports.append(
            Report(
                account=self.accounts[order.account_id],
                order=order,
                execution=execution,
                status=order.status,
                executed=order.executed,
                executed_quote=order.executed_quote,
                time_ms=now_ms,
                fill=fill,
                cancel_id=cancel_id,
            )
        )

    @contextmanager
    def operation(self) -> Iterator[Changes]:
        """Collect the changes of one operation and commit them together; a refusal changes nothing."""
        self.changes = Changes()
        yield self.changes
        if self.changes.orders or self.changes.balances:
            self._commit(self.changes)
