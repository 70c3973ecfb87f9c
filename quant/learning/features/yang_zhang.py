"""Yang-Zhang deviation over a window, summed from its oldest bar to its newest: by bars and over columns with the same bits.

`quant.features.ranges` has the definition and the source; it sums more exactly, and for one bar at a time only.
"""

import math
from collections import deque
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

T = TypeVar("T", float, Floats)

BARS = 20
_K = 0.34 / (1.34 + (BARS + 1) / (BARS - 1))


class YangZhangStream:
    """Bar by bar; NaN before `BARS` + 1 bars."""

    __slots__ = ("_close", "_window")

    def __init__(self) -> None:
        self._close: float | None = None
        self._window: deque[tuple[float, float, float]] = deque(maxlen=BARS)

    def update(self, open_: float, high: float, low: float, close: float) -> float:
        if self._close is not None:
            inside = math.log(close / open_)
            up = math.log(high / open_) * math.log(high / close)
            down = math.log(low / open_) * math.log(low / close)
            self._window.append((math.log(open_ / self._close), inside, up + down))
        self._close = close
        if len(self._window) < BARS:
            return math.nan
        overnight, inside_, satchell = zip(*self._window, strict=True)
        variance = _variance(overnight) + _K * _variance(inside_) + (1.0 - _K) * (reduce(add, satchell) / BARS)
        return math.sqrt(max(0.0, variance))


def yang_zhang_array(open_: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """(bars,), NaN before `BARS` + 1 bars."""
    result = np.full(len(close), np.nan)
    if len(close) <= BARS:
        return result
    overnight = _log(open_[1:] / close[:-1])
    open_, high, low, close = open_[1:], high[1:], low[1:], close[1:]
    satchell = _log(high / open_) * _log(high / close) + _log(low / open_) * _log(low / close)
    windows = [_windows(x) for x in (overnight, _log(close / open_), satchell)]
    variance = _variance(windows[0]) + _K * _variance(windows[1]) + (1.0 - _K) * (reduce(add, windows[2]) / BARS)
    result[BARS:] = np.sqrt(np.maximum(0.0, variance))
    return result


def _variance(xs: Sequence[T]) -> T:
    mean = reduce(add, xs) / BARS
    return reduce(add, [(x - mean) * (x - mean) for x in xs]) / (BARS - 1)


def _windows(xs: Floats) -> list[Floats]:
    """The oldest of every window, the one after it, and so on to the newest."""
    n = len(xs) - BARS + 1
    return [xs[i : i + n] for i in range(BARS)]


def _log(xs: Floats) -> Floats:
    return np.fromiter(map(math.log, xs.tolist()), dtype=np.float64, count=len(xs))
