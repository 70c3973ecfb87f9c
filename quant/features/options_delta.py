"""What takers of options bought or sold within an hour, as delta. Source: Pan & Poteshman (2006)."""

import math
from collections import deque

from quant.features.ew import time_decay
from quant.features.scale import ForecastScale
from quant.features.slow import DAY_NS, HOUR_NS, Part

# An hour with fewer minutes than this told of is not an hour.
MIN_MINUTES = 45
TAU_S = 7 * 86_400.0
MIN_NS, FULL_NS = DAY_NS, 7 * DAY_NS


class DeltaFlow:
    """norm(net delta of the last hour / EW mean of its size over 7 days); speaks after a day, in full after seven."""

    def __init__(self, max_age_ns: int) -> None:
        self._minutes: deque[tuple[int, float]] = deque()
        self._weight = self._size = 0.0
        self._first_ns: int | None = None
        self._learned_ns = 0
        # Its input is 1 in the mean by construction.
        self._scale = ForecastScale(prior=10.0)
        self.part = Part(max_age_ns)
        self.ratio: float | None = None

    def on_flow(self, ts_ns: int, net_delta: float) -> None:
        """Take a minute's net delta, in base; one that is not newer than the last is left out."""
        minutes = self._minutes
        if minutes and ts_ns <= minutes[-1][0]:
            return
        minutes.append((ts_ns, net_delta))
        while minutes[0][0] <= ts_ns - HOUR_NS:
            minutes.popleft()
        if len(minutes) < MIN_MINUTES:
            self.ratio = None
            self.part.set(ts_ns, None)
            return
        net = math.fsum(delta for _, delta in minutes)
        usual = self._size / self._weight if self._weight > 0.0 else 0.0
        known = usual > 0.0 and self.span_ns >= MIN_NS
        self.ratio = net / usual if known else None
        self.part.set(ts_ns, None if self.ratio is None else self._scale.norm(self.ratio))
        if self.ratio is not None:
            self._scale.observe(self.ratio)
        self._learn(ts_ns, abs(net))

    def _learn(self, ts_ns: int, size: float) -> None:
        if self._first_ns is None:
            self._first_ns = self._learned_ns = ts_ns
        keep = time_decay((ts_ns - self._learned_ns) / 1e9, TAU_S)
        self._weight = self._weight * keep + 1.0
        self._size = self._size * keep + size
        self._learned_ns = ts_ns

    @property
    def span_ns(self) -> int:
        return 0 if self._first_ns is None else self._learned_ns - self._first_ns

    @property
    def quality(self) -> float:
        if self.span_ns < MIN_NS:
            return 0.0
        return min(1.0, 0.5 + 0.5 * (self.span_ns - MIN_NS) / (FULL_NS - MIN_NS))
