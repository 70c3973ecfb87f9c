"""The matching engine: price-time priority, exact balances, fees in the received asset.

Customers' orders meet each other and the public book. Everything an operation changed is collected and handed to the
ledger as one transaction before anybody hears of it.
"""

from collections.abc import Callable, Iterable, Mapping

from marketdata.simulator import filters
from marketdata.simulator.booking import Booking, Changes, Other
from marketdata.simulator.errors import VenueError, rejected
from marketdata.simulator.fees import Fees
from marketdata.simulator.liquidity import Liquidity
from marketdata.simulator.market import Market
from marketdata.simulator.numbers import times
from marketdata.simulator.order_lists import OrderLists
from marketdata.simulator.orders import (
    Account,
    Fill,
    NewOrder,
    Order,
    OrderList,
    OrderType,
    Side,
    Status,
    TimeInForce,
)
from marketdata.simulator.planning import Match, Planner, other
from marketdata.simulator.resting import Resting
from marketdata.simulator.stops import reached
from marketdata.simulator.symbols import SymbolSpec


class Engine:
    """All accounts and open orders, and the operations on them."""

    def __init__(
        self,
        *,
        markets: Mapping[str, Market],
        accounts: Mapping[int, Account],
        fees: Fees,
        next_order_id: int,
        next_fill_id: int,
        commit: Callable[[Changes], None],
        rules: Callable[[str], SymbolSpec] | None = None,
        open_lists: Iterable[OrderList] = (),
        next_list_id: int = 1,
    ) -> None:
        self.markets = markets
        # What orders are checked against, which may change while the venue runs.
        self._rules = rules or (lambda symbol: markets[symbol].spec)
        self._next_order_id = next_order_id
        self.booking = Booking(
            specs={symbol: market.spec for symbol, market in markets.items()},
            accounts=accounts,
            fees=fees,
            next_fill_id=next_fill_id,
            commit=commit,
            last_price=lambda symbol: markets[symbol].last_price if symbol in markets else None,
        )
        self._liquidity = {symbol: Liquidity(market) for symbol, market in markets.items()}
        self._resting = Resting(self.booking, self._liquidity)
        self._planner = Planner(markets, self._liquidity, self.booking)
        self.lists = OrderLists(
            self.booking, open_lists, next_id=next_list_id, activate=self._work, reserve=self._reserve
        )
        for account in self.accounts.values():
            for order in account.open_orders.values():
                self._enter(order)

    @property
    def accounts(self) -> dict[int, Account]:
        """Every customer by id."""
        return self.booking.accounts

    # Operations

    def place(self, account: Account, new: NewOrder, *, now_ms: int) -> tuple[Order, list[Fill]]:
        """Accept and match an order. Raises VenueError when the venue refuses it."""
        with self.booking.operation() as changes:
            order = self._accept(account, new, now_ms)
            self._reserve(order)
            account.open_orders[order.id] = order
            self.booking.report(order, "NEW", now_ms)
            self._work(order, now_ms)
        return order, [fill for fill in changes.fills if fill.order_id == order.id]

    def place_list(
        self,
        account: Account,
        *,
        kind: str,
        client_id: str,
        working: NewOrder | None,
        legs: Iterable[NewOrder],
        now_ms: int,
    ) -> tuple[OrderList, list[Order]]:
        """Accept orders that belong together: rivals at once, or `legs` once `working` is filled."""
        with self.booking.operation():
            first = [self._accept(account, working, now_ms)] if working else []
            others = [self._accept(account, leg, now_ms, judge=working is None) for leg in legs]
            orders = [*first, *others]
            if working is not None:
                for order in others:
                    order.status, order.working = Status.PENDING_NEW, False
            # The last thing that may be refused: only one of rivals can cost anything.
            self._reserve(first[0] if first else max(orders, key=self._planner.reservation))
            for order in orders:
                account.open_orders[order.id] = order
            made = self.lists.open(
                orders, kind=kind, client_id=client_id, now_ms=now_ms, working=next(iter(first), None)
            )
            for order in orders:
                self.booking.report(order, order.status.value, now_ms)
            for order in first or orders:
                self._work(order, now_ms)
        return made, orders

    def amend(self, order: Order, *, quantity: int, client_order_id: str, now_ms: int) -> None:
        """Make an open order smaller; it keeps its place."""
        if not order.executed < quantity < order.quantity:
            raise VenueError(-2038, "The requested action would change no state; rejecting.")
        with self.booking.operation():
            order.quantity, order.client_order_id, order.update_ms = quantity, client_order_id, now_ms
            released = order.locked - self._planner.reservation(order)
            self.booking.lock(self.accounts[order.account_id], order, -released)
            self.booking.report(order, "REPLACED", now_ms)

    def test(self, account: Account, new: NewOrder) -> None:
        """Judge an order without placing it."""
        market = self.markets[new.symbol]
        here = [order for order in account.open_orders.values() if order.symbol == new.symbol]
        filters.check(new, self._rules(new.symbol), last_price=market.last_price, open_orders=here)
        self._refuse_senseless(account, new, market)

    def cancel(self, order: Order, *, now_ms: int, cancel_id: str) -> None:
        """Take an open order off the book."""
        with self.booking.operation():
            self.booking.finish(order, Status.CANCELED, "CANCELED", now_ms, cancel_id=cancel_id)

    def public_trade(self, symbol: str, *, price: int, quantity: int, buyer_is_maker: bool, now_ms: int) -> None:
        """A print on the tape: resting orders it passes are filled, stops it reaches trigger."""
        book = self.booking.books[symbol]
        if not book:
            return
        with self.booking.operation():
            self._resting.fill_from_tape(book, price, quantity, Side.BUY if buyer_is_maker else Side.SELL, now_ms)
            for stop in list(book.stops.values()):
                before = stop.trail_price
                if stop.is_open and reached(stop, price):
                    self._trigger(stop, now_ms)
                elif stop.trail_price != before:
                    self.booking.changes.orders[stop.id] = stop

    def public_quote(self, symbol: str, *, now_ms: int) -> None:
        """The public book moved: resting orders it now crosses are filled at their own price."""
        book = self.booking.books[symbol]
        if not book:
            return
        best = self.markets[symbol].best()
        top_buy, top_sell = book.best(Side.BUY), book.best(Side.SELL)
        if best is None or not (
            (top_buy is not None and top_buy.price >= best.ask) or (top_sell is not None and top_sell.price <= best.bid)
        ):
            return
        with self.booking.operation():
            for side in Side:
                for order in book.orders(side):
                    if order.is_open:
                        self._resting.fill_from_book(order, now_ms)

    def deposit(self, account: Account, asset: str, amount: int) -> None:
        """Change a balance from outside; a negative amount withdraws."""
        balance = account.balance(asset)
        if balance.free + amount < 0:
            raise VenueError(-3041, "Balance is not enough")
        with self.booking.operation() as changes:
            balance.free += amount
            changes.balances[account.id, asset] = account
            changes.give(Other.OUTSIDE, asset, -amount)

    # Acceptance

    def _accept(self, account: Account, new: NewOrder, now_ms: int, *, judge: bool = True) -> Order:
        market = self.markets[new.symbol]
        if judge:
            self.test(account, new)
        order = Order(
            id=self._next_order_id,
            account_id=account.id,
            symbol=new.symbol,
            client_order_id=new.client_order_id,
            side=new.side,
            type=new.type,
            time_in_force=new.time_in_force,
            price=new.price,
            quantity=new.quantity,
            quote_quantity=new.quote_quantity,
            stop_price=new.stop_price,
            self_trade=new.self_trade,
            status=Status.NEW,
            executed=0,
            executed_quote=0,
            locked=0,
            working=not new.type.has_stop,
            queue_ahead=0,
            time_ms=now_ms,
            update_ms=now_ms,
            working_ms=-1 if new.type.has_stop else now_ms,
            iceberg=new.iceberg,
            trailing_delta=new.trailing_delta,
            trail_price=market.last_price if new.trailing_delta and not new.stop_price else 0,
        )
        self._next_order_id += 1
        return order

    def _reserve(self, order: Order) -> None:
        """Lock what is missing of what the order may cost."""
        missing = self._planner.reservation(order) - order.locked
        if missing > 0:
            self.booking.lock(self.accounts[order.account_id], order, missing)

    def _work(self, order: Order, now_ms: int) -> None:
        """Let an order trade, or wait for its stop."""
        if order.type.has_stop:
            self.booking.books[order.symbol].stops[order.id] = order
        else:
            order.working, order.working_ms = True, now_ms
            self._match(order, now_ms)

    def _refuse_senseless(self, account: Account, new: NewOrder, market: Market) -> None:
        open_orders = account.open_orders.values()
        if any(o.client_order_id == new.client_order_id and o.symbol == new.symbol for o in open_orders):
            raise rejected("Duplicate order sent.")
        best = market.best()
        if new.type is OrderType.LIMIT_MAKER:
            against = self.booking.books[new.symbol].best(other(new.side))
            prices = [against.price] if against else []
            if best is not None:
                prices.append(best.ask if new.side is Side.BUY else best.bid)
            if any(new.price >= price if new.side is Side.BUY else new.price <= price for price in prices):
                raise rejected("Order would immediately match and take.")
        if new.stop_price and not new.trailing_delta:
            above = (new.side is Side.BUY) == new.type.startswith("STOP_LOSS")
            last = market.last_price
            if last >= new.stop_price if above else last <= new.stop_price:
                raise rejected("Stop price would trigger immediately.")

    # Matching

    def _match(self, order: Order, now_ms: int) -> None:
        plan = self._planner.plan(order, self.markets[order.symbol].spec)
        fillable = sum(match.quantity for match in plan.matches)
        if order.time_in_force is TimeInForce.FOK and fillable < order.quantity:
            self.booking.finish(order, Status.EXPIRED, "EXPIRED", now_ms)
            return
        for maker in plan.expire:
            self.booking.finish(maker, Status.EXPIRED_IN_MATCH, "TRADE_PREVENTION", now_ms)
        if order.quote_quantity:
            order.quantity = fillable
        for match in plan.matches:
            if not self._affordable(order, match):
                break
            if match.maker is None:
                self._liquidity[order.symbol].take(order.side, match.price, match.quantity)
            else:
                self.booking.apply(match.maker, match.price, match.quantity, maker=True, now_ms=now_ms)
            self.booking.apply(order, match.price, match.quantity, maker=False, now_ms=now_ms)
        if not order.is_open:
            return
        if plan.stop:
            self.booking.finish(order, Status.EXPIRED_IN_MATCH, "TRADE_PREVENTION", now_ms)
        elif not order.type.has_price or order.time_in_force is not TimeInForce.GTC:
            self.booking.finish(order, Status.EXPIRED, "EXPIRED", now_ms)
        else:
            order.queue_ahead = self._liquidity[order.symbol].size_at(order.side, order.price)
            self.booking.books[order.symbol].rest(order)

    def _affordable(self, order: Order, match: Match) -> bool:
        """Whether a triggered market buy, whose price nobody knew before, can pay; others were reserved for."""
        if order.side is Side.SELL or order.type.has_price:
            return True
        missing = times(match.price, match.quantity) - order.locked
        account = self.booking.accounts[order.account_id]
        if missing <= 0:
            return True
        if account.balance(self.markets[order.symbol].spec.quote).free < missing:
            return False
        self.booking.lock(account, order, missing)
        return True

    def _trigger(self, order: Order, now_ms: int) -> None:
        self.booking.books[order.symbol].remove(order)
        if order.list_id >= 0:
            self.lists.before_fill(order, now_ms)
        order.working, order.working_ms, order.update_ms = True, now_ms, now_ms
        self.booking.report(order, "NEW", now_ms)
        self._match(order, now_ms)

    def _enter(self, order: Order) -> None:
        if order.working:
            self.booking.books[order.symbol].rest(order)
        elif order.status is not Status.PENDING_NEW:
            self.booking.books[order.symbol].stops[order.id] = order
