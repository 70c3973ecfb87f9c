"""The venue's bookkeeping: reservations, executions, fees, and the changes of one operation as one transaction."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from marketdata.simulator.errors import INSUFFICIENT, rejected
from marketdata.simulator.numbers import times
from marketdata.simulator.orders import Account, Fill, Order, Side, Status
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


@dataclass(slots=True)
class Changes:
    """Everything one operation changed."""

    orders: dict[int, Order] = field(default_factory=dict)
    balances: dict[tuple[int, str], Account] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """Basis points of the received amount."""

    maker_bps: int = 10
    taker_bps: int = 10


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
    ) -> None:
        self._specs = specs
        self.accounts = dict(accounts)
        self.fees = fees
        self.books = {symbol: UserBook() for symbol in specs}
        self._next_fill_id = next_fill_id
        self._commit = commit
        self._changes = Changes()

    def apply(self, order: Order, price: int, quantity: int, *, maker: bool, now_ms: int) -> None:
        """Book one execution: what was reserved is spent, what is received is credited less the fee."""
        account = self.accounts[order.account_id]
        spec = self._specs[order.symbol]
        value = times(price, quantity)
        bps = self.fees.maker_bps if maker else self.fees.taker_bps
        if order.side is Side.BUY:
            spent_asset, spent, asset, received = spec.quote, value, spec.base, quantity
            reserved = times(order.price, quantity) if order.type.has_price else value
        else:
            spent_asset, spent, asset, received = spec.base, quantity, spec.quote, value
            reserved = quantity
        commission = received * bps // 10_000
        paying = account.balance(spent_asset)
        paying.locked -= reserved
        paying.free += reserved - spent
        order.locked -= reserved
        account.balance(asset).free += received - commission
        order.executed += quantity
        order.executed_quote += value
        order.update_ms = now_ms
        order.status = Status.FILLED if order.remaining == 0 else Status.PARTIALLY_FILLED
        fill = Fill(
            id=self._next_fill_id,
            order_id=order.id,
            account_id=account.id,
            symbol=order.symbol,
            price=price,
            quantity=quantity,
            quote=value,
            commission=commission,
            commission_asset=asset,
            is_buyer=order.side is Side.BUY,
            is_maker=maker,
            time_ms=now_ms,
        )
        self._next_fill_id += 1
        self._changes.fills.append(fill)
        self._changes.balances[account.id, asset] = account
        self._changes.balances[account.id, spent_asset] = account
        if not order.is_open:
            self.close(order)
        self.report(order, "TRADE", now_ms, fill=fill)

    def finish(
        self, order: Order, status: Status, execution: str, now_ms: int, *, cancel_id: str | None = None
    ) -> None:
        order.status, order.update_ms = status, now_ms
        self.close(order)
        self.report(order, execution, now_ms, cancel_id=cancel_id)

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
        self._changes.balances[account.id, asset] = account

    def report(
        self, order: Order, execution: str, now_ms: int, *, fill: Fill | None = None, cancel_id: str | None = None
    ) -> None:
        self._changes.orders[order.id] = order
        self._changes.reports.append(
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
        self._changes = Changes()
        yield self._changes
        if self._changes.orders or self._changes.balances:
            self._commit(self._changes)
