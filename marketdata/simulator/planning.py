"""What an order would trade against now: customers' orders and the public book, by price, then by time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from marketdata.simulator.booking import Booking
from marketdata.simulator.liquidity import Liquidity
from marketdata.simulator.market import Market
from marketdata.simulator.numbers import times
from marketdata.simulator.orders import Order, SelfTrade, Side
from marketdata.simulator.symbols import SymbolSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    price: int
    quantity: int
    maker: Order | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The matches, own orders to expire, and whether to expire its own rest."""

    matches: list[Match]
    expire: list[Order]
    stop: bool = False


def other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


class Planner:
    """Looks at the books and changes nothing."""

    def __init__(self, markets: Mapping[str, Market], liquidity: Mapping[str, Liquidity], booking: Booking) -> None:
        self._markets = markets
        self._liquidity = liquidity
        self._booking = booking

    def plan(self, order: Order, spec: SymbolSpec) -> Plan:
        limit = order.price if order.type.has_price else None
        wanted, budget = order.remaining, order.quote_quantity - order.executed_quote
        matches: list[Match] = []
        expire: list[Order] = []
        for price, size, maker in self._opposite(order, limit):
            if maker is not None and maker.account_id == order.account_id and order.self_trade is not SelfTrade.NONE:
                if order.self_trade is not SelfTrade.EXPIRE_TAKER:
                    expire.append(maker)
                if order.self_trade is not SelfTrade.EXPIRE_MAKER:
                    return Plan(matches=matches, expire=expire, stop=True)
                continue
            if order.quote_quantity:
                quantity = min(size, budget * 10**8 // price // spec.step * spec.step)
            else:
                quantity = min(size, wanted)
            if quantity <= 0:
                break
            matches.append(Match(price=price, quantity=quantity, maker=maker))
            wanted -= quantity
            budget -= times(price, quantity)
            if not order.quote_quantity and wanted == 0:
                break
        return Plan(matches=matches, expire=expire)

    def _opposite(self, order: Order, limit: int | None) -> Iterator[tuple[int, int, Order | None]]:
        """Customers' orders and public levels against it, merged by price; at one price the public book was first."""
        sign = 1 if order.side is Side.BUY else -1
        public = self._liquidity[order.symbol].offered_to(order.side, limit=limit)
        level = next(public, None)
        for maker in self._booking.books[order.symbol].orders(other(order.side)):
            if limit is not None and sign * maker.price > sign * limit:
                break
            while level is not None and sign * level[0] <= sign * maker.price:
                yield level[0], level[1], None
                level = next(public, None)
            yield maker.price, maker.remaining, maker
        while level is not None:
            yield level[0], level[1], None
            level = next(public, None)

    def reservation(self, order: Order) -> int:
        """What the order may cost at most; a market buy's is what the book asks for it now."""
        spec = self._markets[order.symbol].spec
        if order.side is Side.SELL:
            if not order.quantity:
                return sum(match.quantity for match in self.plan(order, spec).matches)
            return order.remaining
        if order.type.has_price:
            return times(order.price, order.remaining)
        if order.quote_quantity:
            return order.quote_quantity
        if order.type.has_stop:
            return times(order.stop_price or order.trail_price, order.remaining)
        return sum(times(match.price, match.quantity) for match in self.plan(order, spec).matches)
