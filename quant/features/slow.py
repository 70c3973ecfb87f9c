"""Observations of minutes to days: against their own past, one series of several, and how long one may be believed."""

import math

from quant.features.ew import EwMoments, time_decay

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 3600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
DAY_S = 86_400.0


class History:
    """Standard scores against an exponentially weighted past that is at least `min_days` long.

    It learns at most once every `every_s`, so that a series that comes every second weighs no more than one that comes
    every five minutes. A value is scored by what was known before it.
    """

    __slots__ = ("_every_ns", "_first_ns", "_full_ns", "_last_ns", "_min_ns", "_moments", "_tau_s")

    def __init__(self, *, tau_days: float, every_s: float, min_days: float = 7.0, full_days: float = 30.0) -> None:
        self._tau_s = tau_days * DAY_S
        self._every_ns = int(every_s * SECOND_NS)
        self._min_ns = int(min_days * DAY_NS)
        self._full_ns = int(full_days * DAY_NS)
        self._moments = EwMoments()
        self._first_ns: int | None = None
        self._last_ns = 0

    def score(self, ts_ns: int, x: float) -> float | None:
        """z of `x` within ±4 against what was known before, None while that is too short; then learns it."""
        z = self._moments.z(x) if self.span_ns >= self._min_ns else None
        if self._first_ns is None:
            self._first_ns = self._last_ns = ts_ns
            self._moments.update(x, 1.0)
        elif ts_ns - self._last_ns >= self._every_ns:
            self._moments.update(x, time_decay((ts_ns - self._last_ns) / 1e9, self._tau_s))
            self._last_ns = ts_ns
        return z

    @property
    def since_ns(self) -> int | None:
        """When the past begins."""
        return self._first_ns

    @property
    def span_ns(self) -> int:
        return 0 if self._first_ns is None else self._last_ns - self._first_ns

    @property
    def count(self) -> int:
        return self._moments.count

    @property
    def quality(self) -> float:
        """0 below the shortest past, .5 at it, rising to 1 at the full one."""
        span = self.span_ns
        if span < self._min_ns:
            return 0.0
        return min(1.0, 0.5 + 0.5 * (span - self._min_ns) / (self._full_ns - self._min_ns))


class SeriesLock:
    """Of several series of the same thing, in units of their own, the first one, until it has been silent for long."""

    __slots__ = ("_silence_ns", "changes", "key", "ts")

    def __init__(self, silence_ns: int) -> None:
        self._silence_ns = silence_ns
        self.key: tuple[str, str] | None = None
        self.ts = 0
        # How often another series has taken over.
        self.changes = 0

    def follows(self, key: tuple[str, str], ts_ns: int) -> bool:
        """Whether an observation is to be used: of the series that is followed, and newer than the last."""
        if ts_ns <= self.ts:
            return False
        if key != self.key:
            if self.key is not None and ts_ns - self.ts <= self._silence_ns:
                return False
            self.changes += self.key is not None
            self.key = key
        self.ts = ts_ns
        return True


class Part:
    """A sub-signal's value, believed for `max_age_ns` after the moment of its observation."""

    __slots__ = ("_value", "max_age_ns", "ts")

    def __init__(self, max_age_ns: int) -> None:
        self.max_age_ns = max_age_ns
        self._value: float | None = None
        self.ts = 0

    def set(self, ts_ns: int, value: float | None) -> None:
        self.ts, self._value = ts_ns, value

    def at(self, now_ns: int) -> float | None:
        return self._value if now_ns - self.ts <= self.max_age_ns else None

    def spoke_ns(self, now_ns: int) -> int:
        """The moment of the value there is, 0 without one."""
        return 0 if self.at(now_ns) is None else self.ts


def contrarian(z: float) -> float:
    """-sign(z)·min(1, max(0, |z| - 1)/2): nothing within one deviation, full against three."""
    if abs(z) <= 1.0:
        return 0.0
    return -math.copysign(min(1.0, (abs(z) - 1.0) / 2.0), z)
