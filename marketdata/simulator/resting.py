"""Orders at rest, filled by what happens in the public market."""

from collections.abc import Mapping

from marketdata.simulator.booking import Booking
from marketdata.simulator.liquidity import Liquidity
from marketdata.simulator.orders import Order, Side
from marketdata.simulator.user_book import UserBook


def reaches(order: Order, price: int, quantity: int) -> tuple[int, int]:
    """How much of a print fills a resting order, and what is left of it for the next one.

    At its own price it comes behind what was there before it, at a better one it is first.
    """
    better = order.price > price if order.side is Side.BUY else order.price < price
    if not better and order.price != price:
        return 0, 0
    if not better:
        passed = min(order.queue_ahead, quantity)
        order.queue_ahead -= passed
        if order.queue_ahead:
            return 0, 0
        quantity -= passed
    traded = min(order.visible, quantity)
    return traded, quantity - traded


class Resting:
    """Fills what the tape or the public book reaches."""

    def __init__(self, booking: Booking, liquidity: Mapping[str, Liquidity]) -> None:
        self._booking = booking
        self._liquidity = liquidity

    def fill_from_tape(self, book: UserBook[Order], price: int, quantity: int, side: Side, now_ms: int) -> None:
        """Fill resting orders on the side the tape traded against: behind their queue at the price, first if better."""
        for order in book.orders(side):
            if not order.is_open:
                continue
            traded, quantity = reaches(order, price, quantity)
            if traded <= 0:
                break
            self._booking.apply(order, order.price, traded, maker=True, now_ms=now_ms)
            if order.iceberg and order.remaining and order.executed % order.iceberg == 0:
                self._queue_again(book, order, now_ms)

    def _queue_again(self, book: UserBook[Order], order: Order, now_ms: int) -> None:
        """The next part of an iceberg goes behind everybody at its price."""
        book.remove(order)
        order.working_ms = now_ms
        order.queue_ahead = self._liquidity[order.symbol].size_at(order.side, order.price)
        book.rest(order)

    def fill_from_book(self, order: Order, now_ms: int) -> None:
        liquidity = self._liquidity[order.symbol]
        for price, size in liquidity.offered_to(order.side, limit=order.price):
            quantity = min(size, order.remaining)
            if quantity <= 0:
                return
            liquidity.take(order.side, price, quantity)
            self._booking.apply(order, order.price, quantity, maker=True, now_ms=now_ms)
            if not order.is_open:
                return
