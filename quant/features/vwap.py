"""The price's distance from the session's volume-weighted average, in its own deviations. A session is a day, UTC."""

import math

DAY_NS = 86_400_000_000_000
# A few bars have no deviation worth dividing by.
MIN_BARS = 10


class SessionVwap:
    """d = (close - VWAP) / sigma, both weighted by volume over typical prices (high + low + close)/3 of the day so far.

    None before `MIN_BARS` bars of the day have volume, and while the price stands still.
    """

    __slots__ = ("_bars", "_m2", "_mean", "_session", "_volume")

    def __init__(self) -> None:
        self._session = -1
        self._begin()

    def _begin(self) -> None:
        self._bars = 0
        self._volume = self._mean = self._m2 = 0.0

    def update(self, ts_open: int, high: float, low: float, close: float, volume: float) -> float | None:
        session = ts_open // DAY_NS
        if session != self._session:
            self._session = session
            self._begin()
        if volume > 0.0:
            self._volume, self._mean, self._m2 = self._next(high, low, close, volume)
            self._bars += 1
        return self._distance(close, self._bars, self._volume, self._mean, self._m2)

    def peek(self, ts_open: int, high: float, low: float, close: float, volume: float) -> float | None:
        if ts_open // DAY_NS != self._session:
            return None
        if volume <= 0.0:
            return self._distance(close, self._bars, self._volume, self._mean, self._m2)
        return self._distance(close, self._bars + 1, *self._next(high, low, close, volume))

    def _next(self, high: float, low: float, close: float, volume: float) -> tuple[float, float, float]:
        """Volume, mean and sum of squares with one bar more (West 1979)."""
        total = self._volume + volume
        typical = (high + low + close) / 3.0
        delta = typical - self._mean
        mean = self._mean + delta * (volume / total)
        return total, mean, self._m2 + volume * delta * (typical - mean)

    def _distance(self, close: float, bars: int, volume: float, mean: float, m2: float) -> float | None:
        if bars < MIN_BARS or m2 <= 0.0:
            return None
        sigma = math.sqrt(m2 / volume)
        # What is left of rounding is no deviation.
        return (close - mean) / sigma if sigma > 1e-12 * abs(mean) else None
