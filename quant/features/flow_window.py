"""Order flow of the best quotes over the last seconds. Source: Cont, Kukanov & Stoikov (2014)."""

import math

BIN_NS = 100_000_000


class FlowWindow:
    """Order flow of the last seconds over the mean best depth, in bins of 100 ms that are summed anew: no drift."""

    __slots__ = ("_bin", "_bins", "_counts", "_depths", "_flows")

    def __init__(self, seconds: int = 10) -> None:
        self._bins = seconds * 1_000_000_000 // BIN_NS
        self._flows = [0.0] * self._bins
        self._depths = [0.0] * self._bins
        self._counts = [0] * self._bins
        self._bin: int | None = None

    def add(self, ts_ns: int, flow: float, depth: float) -> None:
        index = ts_ns // BIN_NS
        if self._bin is None:
            self._bin = index
        for passed in range(self._bin + 1, min(index, self._bin + self._bins) + 1):
            self._clear(passed % self._bins)
        if index > self._bin + self._bins:
            for i in range(self._bins):
                self._clear(i)
        self._bin = max(self._bin, index)
        i = self._bin % self._bins
        self._flows[i] += flow
        self._depths[i] += depth
        self._counts[i] += 1

    @property
    def value(self) -> float | None:
        depth = math.fsum(self._depths)
        return math.fsum(self._flows) / (depth / sum(self._counts)) if depth > 0.0 else None

    def _clear(self, i: int) -> None:
        self._flows[i] = self._depths[i] = 0.0
        self._counts[i] = 0
