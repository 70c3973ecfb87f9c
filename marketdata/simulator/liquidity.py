"""What the public book still offers after the venue's customers took from it."""

from collections.abc import Iterator

from marketdata.simulator.market import Level, Market
from marketdata.simulator.orders import Side


class Liquidity:
    """The market's levels minus what was taken; a level whose size changed since then is whole again."""

    def __init__(self, market: Market, *, depth: int = 1000) -> None:
        self._market = market
        self._depth = depth
        # (side, price) → (size of the level when taken from, taken)
        self._taken: dict[tuple[Side, int], tuple[int, int]] = {}

    def offered_to(self, taker: Side, *, limit: int | None = None) -> Iterator[Level]:
        """(price, quantity) a taker can have, best first, no worse than `limit`."""
        maker = Side.SELL if taker is Side.BUY else Side.BUY
        best = self._market.best()
        if best is None:
            return
        if limit is not None and (best.ask > limit if taker is Side.BUY else best.bid < limit):
            return
        levels = self._market.asks(self._depth) if taker is Side.BUY else self._market.bids(self._depth)
        for price, size in levels:
            if limit is not None and (price > limit if taker is Side.BUY else price < limit):
                return
            seen, taken = self._taken.get((maker, price), (size, 0))
            left = size - taken if seen == size else size
            if left > 0:
                yield price, left

    def take(self, taker: Side, price: int, quantity: int) -> None:
        """Remember that `quantity` at `price` is gone."""
        maker = Side.SELL if taker is Side.BUY else Side.BUY
        size = self.size_at(maker, price)
        seen, taken = self._taken.get((maker, price), (size, 0))
        self._taken[maker, price] = (size, quantity + (taken if seen == size else 0))
        if len(self._taken) > 10_000:
            self._taken.clear()

    def size_at(self, side: Side, price: int) -> int:
        """The public size at a level, zero when there is none."""
        levels = self._market.bids(self._depth) if side is Side.BUY else self._market.asks(self._depth)
        return next((size for level, size in levels if level == price), 0)
