"""Quantiles and look-backs over a moving window."""

from array import array
from bisect import bisect_left, bisect_right
from collections import deque


class RollingQuantile:
    """Order statistics of the last `window` observations, O(log n) to find, a short move to insert.

    Kept as bare doubles, 16 bytes an observation: a symbol has some tens of these windows.
    """

    __slots__ = ("_newest", "_oldest", "_sorted", "_window")

    def __init__(self, window: int) -> None:
        if window < 1:
            raise ValueError(f"window is {window}, must be at least 1")
        self._window = window
        # A ring: once it is full, the oldest is where the next one goes.
        self._newest = array("d")
        self._oldest = 0
        self._sorted = array("d")

    def __len__(self) -> int:
        return len(self._sorted)

    def push(self, x: float) -> None:
        newest, ordered = self._newest, self._sorted
        if len(newest) < self._window:
            newest.append(x)
        else:
            del ordered[bisect_left(ordered, newest[self._oldest])]
            newest[self._oldest] = x
            self._oldest = (self._oldest + 1) % self._window
        ordered.insert(bisect_right(ordered, x), x)

    def quantile(self, p: float) -> float | None:
        """Linear between order statistics, as numpy.quantile; None when empty."""
        n = len(self._sorted)
        if n == 0:
            return None
        position = p * (n - 1)
        index = min(int(position), n - 1)
        low = self._sorted[index]
        if index + 1 >= n:
            return low
        return low + (position - index) * (self._sorted[index + 1] - low)

    def rank(self, x: float) -> float | None:
        """Share of the window below `x`, ties counted half, in [0, 1]; None when empty."""
        n = len(self._sorted)
        if n == 0:
            return None
        return (bisect_left(self._sorted, x) + bisect_right(self._sorted, x)) / (2 * n)


class Lagged:
    """The newest observation that is at least `lag_ns` old, amortised O(1)."""

    __slots__ = ("_samples", "lag_ns")

    def __init__(self, lag_ns: int) -> None:
        self.lag_ns = lag_ns
        self._samples: deque[tuple[int, float]] = deque()

    def push(self, ts_ns: int, x: float) -> None:
        samples = self._samples
        samples.append((ts_ns, x))
        limit = ts_ns - self.lag_ns
        while len(samples) > 1 and samples[1][0] <= limit:
            samples.popleft()

    def get(self, now_ns: int) -> tuple[int, float] | None:
        """(elapsed_ns, value); None while no sample is old enough, or where a silence made it twice too old."""
        if not self._samples:
            return None
        ts_ns, x = self._samples[0]
        elapsed = now_ns - ts_ns
        return (elapsed, x) if self.lag_ns <= elapsed <= 2 * self.lag_ns else None
