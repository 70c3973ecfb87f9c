"""The matching engine: price-time priority, exact balances, fees in the received asset.

Customers' orders meet each other and the public book. Everything an operation changed is collected and handed to the
ledger as one transaction before anybody hears of it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from marketdata.simulator import filters
from marketdata.simulator.booking import Booking, Changes, Other
from marketdata.simulator.errors import VenueError, rejected
from marketdata.simulator.fees import Fees
from marketdata.simulator.liquidity import Liquidity
from marketdata.simulator.market import Market
from marketdata.simulator.numbers import times
from marketdata.simulator.orders import (
    Account,
    Fill,
    NewOrder,
    Order,
    OrderType,
    SelfTrade,
    Side,
    Status,
    TimeInForce,
)
from marketdata.simulator.symbols import SymbolSpec
from marketdata.simulator.user_book import UserBook


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    price: int
    quantity: int
    maker: Order | None


def _other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


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
            self.booking.report(order, "NEW", now_ms)
            if order.working:
                self._match(order, now_ms)
            else:
                self.booking.books[order.symbol].stops[order.id] = order
        return order, [fill for fill in changes.fills if fill.order_id == order.id]

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
            self._fill_from_tape(book, price, quantity, Side.BUY if buyer_is_maker else Side.SELL, now_ms)
            for order in [stop for stop in book.stops.values() if _reached(stop, price)]:
                self._trigger(order, now_ms)

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
                    self._fill_from_book(order, now_ms)

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

    def _accept(self, account: Account, new: NewOrder, now_ms: int) -> Order:
        market = self.markets[new.symbol]
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
        )
        self.booking.lock(account, order, self._reservation(order, market))
        self._next_order_id += 1
        account.open_orders[order.id] = order
        return order

    def _refuse_senseless(self, account: Account, new: NewOrder, market: Market) -> None:
        open_orders = account.open_orders.values()
        if any(o.client_order_id == new.client_order_id and o.symbol == new.symbol for o in open_orders):
            raise rejected("Duplicate order sent.")
        best = market.best()
        if new.type is OrderType.LIMIT_MAKER:
            against = self.booking.books[new.symbol].best(_other(new.side))
            prices = [against.price] if against else []
            if best is not None:
                prices.append(best.ask if new.side is Side.BUY else best.bid)
            if any(new.price >= price if new.side is Side.BUY else new.price <= price for price in prices):
                raise rejected("Order would immediately match and take.")
        if new.type.has_stop:
            above = (new.side is Side.BUY) == new.type.startswith("STOP_LOSS")
            last = market.last_price
            if last >= new.stop_price if above else last <= new.stop_price:
                raise rejected("Stop price would trigger immediately.")

    def _reservation(self, order: Order, market: Market) -> int:
        """What the order may cost at most; a market buy's is what the book asks for it now."""
        if order.side is Side.SELL:
            if not order.quantity:
                return sum(match.quantity for match in self._plan(order, market.spec)[0])
            return order.quantity
        if order.type.has_price:
            return times(order.price, order.quantity)
        if order.quote_quantity:
            return order.quote_quantity
        if order.type.has_stop:
            return times(order.stop_price, order.quantity)
        return sum(times(match.price, match.quantity) for match in self._plan(order, market.spec)[0])

    # Matching

    def _plan(self, order: Order, spec: SymbolSpec) -> tuple[list[_Match], list[Order], bool]:
        """What it would trade against now: the matches, own orders to expire, and whether to expire its own rest."""
        limit = order.price if order.type.has_price else None
        wanted, budget = order.remaining, order.quote_quantity - order.executed_quote
        matches: list[_Match] = []
        expire: list[Order] = []
        for price, size, maker in self._opposite(order, limit):
            if maker is not None and maker.account_id == order.account_id and order.self_trade is not SelfTrade.NONE:
                if order.self_trade is not SelfTrade.EXPIRE_TAKER:
                    expire.append(maker)
                if order.self_trade is not SelfTrade.EXPIRE_MAKER:
                    return matches, expire, True
                continue
            if order.quote_quantity:
                quantity = min(size, budget * 10**8 // price // spec.step * spec.step)
            else:
                quantity = min(size, wanted)
            if quantity <= 0:
                break
            matches.append(_Match(price=price, quantity=quantity, maker=maker))
            wanted -= quantity
            budget -= times(price, quantity)
            if not order.quote_quantity and wanted == 0:
                break
        return matches, expire, False

    def _opposite(self, order: Order, limit: int | None) -> Iterator[tuple[int, int, Order | None]]:
        """Customers' orders and public levels against it, merged by price; at one price the public book was first."""
        side = _other(order.side)
        sign = 1 if order.side is Side.BUY else -1
        public = self._liquidity[order.symbol].offered_to(order.side, limit=limit)
        level = next(public, None)
        for maker in self.booking.books[order.symbol].orders(side):
            if limit is not None and sign * maker.price > sign * limit:
                break
            while level is not None and sign * level[0] <= sign * maker.price:
                yield level[0], level[1], None
                level = next(public, None)
            yield maker.price, maker.remaining, maker
        while level is not None:
            yield level[0], level[1], None
            level = next(public, None)

    def _match(self, order: Order, now_ms: int) -> None:
        spec = self.markets[order.symbol].spec
        matches, expire, stop = self._plan(order, spec)
        fillable = sum(match.quantity for match in matches)
        if order.time_in_force is TimeInForce.FOK and fillable < order.quantity:
            self.booking.finish(order, Status.EXPIRED, "EXPIRED", now_ms)
            return
        for maker in expire:
            self.booking.finish(maker, Status.EXPIRED_IN_MATCH, "TRADE_PREVENTION", now_ms)
        if order.quote_quantity:
            order.quantity = fillable
        for match in matches:
            if not self._affordable(order, match):
                break
            if match.maker is None:
                self._liquidity[order.symbol].take(order.side, match.price, match.quantity)
            else:
                self.booking.apply(match.maker, match.price, match.quantity, maker=True, now_ms=now_ms)
            self.booking.apply(order, match.price, match.quantity, maker=False, now_ms=now_ms)
        if not order.is_open:
            return
        if stop:
            self.booking.finish(order, Status.EXPIRED_IN_MATCH, "TRADE_PREVENTION", now_ms)
        elif not order.type.has_price or order.time_in_force is not TimeInForce.GTC:
            self.booking.finish(order, Status.EXPIRED, "EXPIRED", now_ms)
        else:
            order.queue_ahead = self._liquidity[order.symbol].size_at(order.side, order.price)
            self.booking.books[order.symbol].rest(order)

    def _affordable(self, order: Order, match: _Match) -> bool:
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

    def _fill_from_tape(self, book: UserBook, price: int, quantity: int, side: Side, now_ms: int) -> None:
        """Fill resting orders on the side the tape traded against: behind their queue at the price, first if better."""
        for order in book.orders(side):
            better = order.price > price if side is Side.BUY else order.price < price
            if not better and order.price != price:
                break
            if not better:
                passed = min(order.queue_ahead, quantity)
                order.queue_ahead -= passed
                if order.queue_ahead:
                    break
                quantity -= passed
            traded = min(order.remaining, quantity)
            if traded <= 0:
                break
            quantity -= traded
            self.booking.apply(order, order.price, traded, maker=True, now_ms=now_ms)

    def _fill_from_book(self, order: Order, now_ms: int) -> None:
        liquidity = self._liquidity[order.symbol]
        for price, size in liquidity.offered_to(order.side, limit=order.price):
            quantity = min(size, order.remaining)
            if quantity <= 0:
                return
            liquidity.take(order.side, price, quantity)
            self.booking.apply(order, order.price, quantity, maker=True, now_ms=now_ms)
            if not order.is_open:
                return

    def _trigger(self, order: Order, now_ms: int) -> None:
        self.booking.books[order.symbol].remove(order)
        order.working, order.working_ms, order.update_ms = True, now_ms, now_ms
        self.booking.report(order, "NEW", now_ms)
        self._match(order, now_ms)

    def _enter(self, order: Order) -> None:
        if order.working:
            self.booking.books[order.symbol].rest(order)
        else:
            self.booking.books[order.symbol].stops[order.id] = order


def _reached(stop: Order, price: int) -> bool:
    return price >= stop.stop_price if stop.triggers_above else price <= stop.stop_price
