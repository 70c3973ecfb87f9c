"""Volatility of one bar from open, high, low and close; not annualised.

Arrays are (bars,), oldest first, prices above zero with low <= open, close <= high.
Sources: Parkinson (1980); Garman & Klass (1980); Rogers & Satchell (1991); Yang & Zhang (2000).
"""

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

Prices = NDArray[np.float64]


def parkinson(high: Prices, low: Prices) -> float:
    return float(np.sqrt(np.mean(np.log(high / low) ** 2) / (4 * math.log(2))))


def garman_klass(open_: Prices, high: Prices, low: Prices, close: Prices) -> float:
    spread = 0.5 * np.log(high / low) ** 2 - (2 * math.log(2) - 1) * np.log(close / open_) ** 2
    return float(np.sqrt(np.mean(spread)))


def rogers_satchell(open_: Prices, high: Prices, low: Prices, close: Prices) -> float:
    up = np.log(high / open_) * np.log(high / close)
    down = np.log(low / open_) * np.log(low / close)
    return float(np.sqrt(np.mean(up + down)))


def yang_zhang(open_: Prices, high: Prices, low: Prices, close: Prices) -> float:
    """Over all bars but the first, whose close opens the second."""
    n = len(close) - 1
    overnight = np.log(open_[1:] / close[:-1])
    inside = np.log(close[1:] / open_[1:])
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    rs = rogers_satchell(open_[1:], high[1:], low[1:], close[1:]) ** 2
    return float(np.sqrt(np.var(overnight, ddof=1) + k * np.var(inside, ddof=1) + (1 - k) * rs))


class YangZhang:
    """`yang_zhang` of the last `n` bars, bar by bar; the window is summed anew, so that no rounding piles up."""

    __slots__ = ("_close", "_k", "_n", "_window")

    def __init__(self, n: int = 20) -> None:
        self._n = n
        self._k = 0.34 / (1.34 + (n + 1) / (n - 1))
        self._close: float | None = None
        self._window: deque[tuple[float, float, float]] = deque(maxlen=n)

    def update(self, open_: float, high: float, low: float, close: float) -> float | None:
        """The deviation of a bar's log return; None before n + 1 bars."""
        if self._close is not None:
            up = math.log(high / open_) * math.log(high / close)
            down = math.log(low / open_) * math.log(low / close)
            self._window.append((math.log(open_ / self._close), math.log(close / open_), up + down))
        self._close = close
        if len(self._window) < self._n:
            return None
        overnight, inside, rs = zip(*self._window, strict=True)
        variance = _variance(overnight) + self._k * _variance(inside) + (1 - self._k) * math.fsum(rs) / self._n
        return math.sqrt(max(0.0, variance))


def _variance(xs: tuple[float, ...]) -> float:
    mean = math.fsum(xs) / len(xs)
    return math.fsum((x - mean) ** 2 for x in xs) / (len(xs) - 1)
