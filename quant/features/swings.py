"""Swing highs and lows: the extreme of a bar among its neighbours, known only when the last neighbour has closed."""

from collections import deque

NEIGHBOURS = 5


class Swings:
    """`update` gives the swing high and low that this bar confirms: those of the bar `k` bars before it.

    Nothing that moved not at all has a swing. The level may be used from this bar on and never earlier.
    """

    __slots__ = ("_highs", "_k", "_lows")

    def __init__(self, k: int = NEIGHBOURS) -> None:
        self._k = k
        self._highs: deque[float] = deque(maxlen=2 * k + 1)
        self._lows: deque[float] = deque(maxlen=2 * k + 1)

    def update(self, high: float, low: float) -> tuple[float | None, float | None]:
        highs, lows, k = self._highs, self._lows, self._k
        highs.append(high)
        lows.append(low)
        if len(highs) <= 2 * k:
            return None, None
        top, bottom = max(highs), min(lows)
        if top <= bottom:
            return None, None
        return (top if highs[k] == top else None), (bottom if lows[k] == bottom else None)
