"""The customers' resting orders of one symbol in price-time priority, and their waiting stops."""

from bisect import insort
from collections.abc import Iterator
from typing import Generic, TypeVar

from marketdata.simulator.orders import Order, Side

AnyOrder = TypeVar("AnyOrder", bound=Order)


def _priority(order: Order) -> tuple[int, int, int]:
    price = -order.price if order.side is Side.BUY else order.price
    return price, order.working_ms, order.id


class UserBook(Generic[AnyOrder]):
    """Resting limit orders, best price first, then earliest; stops by id."""

    def __init__(self) -> None:
        self._sides: dict[Side, list[AnyOrder]] = {Side.BUY: [], Side.SELL: []}
        self.stops: dict[int, AnyOrder] = {}

    def __bool__(self) -> bool:
        return bool(self._sides[Side.BUY] or self._sides[Side.SELL] or self.stops)

    def rest(self, order: AnyOrder) -> None:
        insort(self._sides[order.side], order, key=_priority)

    def remove(self, order: AnyOrder) -> None:
        """Take it out, wherever it is; nothing happens when it is nowhere."""
        self.stops.pop(order.id, None)
        side = self._sides[order.side]
        for place, other in enumerate(side):
            if other.id == order.id:
                del side[place]
                return

    def orders(self, side: Side) -> Iterator[AnyOrder]:
        return iter(list(self._sides[side]))

    def best(self, side: Side) -> AnyOrder | None:
        orders = self._sides[side]
        return orders[0] if orders else None
