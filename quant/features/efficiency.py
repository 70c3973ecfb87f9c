"""Kaufman's efficiency ratio: how much of its way a price has got ahead. Source: Kaufman, Trading Systems and Methods."""

import math
from collections import deque
from itertools import pairwise


class EfficiencyRatio:
    """|p - p n bars ago| / sum of |changes between| in [0, 1]: 1 for a straight line, about 1/√n for a random walk.

    The window is summed anew, so that no rounding piles up. None before n + 1 prices, and where the price stands still.
    """

    __slots__ = ("_n", "_prices")

    def __init__(self, n: int = 20) -> None:
        if n < 1:
            raise ValueError(f"n is {n}, must be at least 1")
        self._n = n
        self._prices: deque[float] = deque(maxlen=n + 1)

    def update(self, price: float) -> float | None:
        self._prices.append(price)
        if len(self._prices) <= self._n:
            return None
        prices = list(self._prices)
        way = math.fsum(abs(after - before) for before, after in pairwise(prices))
        return min(1.0, abs(prices[-1] - prices[0]) / way) if way > 0.0 else None
