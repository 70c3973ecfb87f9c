"""Quantiles and look-backs over a moving window."""

from bisect import bisect_left, bisect_right, insort
from collections import deque


class RollingQuantile:
    """Order statistics of the last `window` observations, O(log n) to find, a short move to insert."""

    __slots__ = ("_newest", "_sorted", "_window")

    def __init__(self, window: int) -> None:
        if window < 1:
            raise ValueError(f"window is {window}, must be at least 1")
        self._window = window
        self._newest: deque[float] = deque()
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._sorted)

    def push(self, x: float) -> None:
        if len(self._newest) == self._window:
            del self._sorted[bisect_left(self._sorted, self._newest.popleft())]
        self._newest.append(x)
        insort(self._sorted, x)

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
