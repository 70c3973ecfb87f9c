"""Long against short: the many are faded, the top traders' positions are followed."""

import math

from quant.features.scale import ForecastScale
from quant.features.slow import MINUTE_NS, History, Part, SeriesLock
from quant.reading import weighted_mean

# Ratios are of buckets of five minutes, told after their end and asked for every five: 12 minutes and a bucket's delay.
MAX_AGE_NS = 20 * MINUTE_NS
EVERY_S = 240.0
SIDES = {"accounts": -1.0, "top_positions": 1.0}
_WEIGHTS = dict.fromkeys(SIDES, 0.5)


class LongShortRatio:
    """-½norm(z(ln ratio of all accounts)) + ½norm(z(ln ratio of the top traders' positions)), z over 30 days."""

    def __init__(self) -> None:
        self._locks = {scope: SeriesLock(MAX_AGE_NS) for scope in SIDES}
        self._histories = {scope: History(tau_days=30.0, every_s=EVERY_S) for scope in SIDES}
        self._scales = {scope: ForecastScale() for scope in SIDES}
        self._parts = {scope: Part(MAX_AGE_NS) for scope in SIDES}

    def on_ratio(self, key: tuple[str, str], ts_ns: int, scope: str, ratio: float) -> None:
        """Take a ratio; scopes that say the same as another signal are left out."""
        if scope not in SIDES or not self._locks[scope].follows(key, ts_ns):
            return
        z = self._histories[scope].score(ts_ns, math.log(ratio))
        self._parts[scope].set(ts_ns, None if z is None else SIDES[scope] * self._scales[scope].norm(z))
        if z is not None:
            self._scales[scope].observe(z)

    def at(self, now_ns: int) -> float | None:
        return weighted_mean({scope: part.at(now_ns) for scope, part in self._parts.items()}, _WEIGHTS)

    def spoke_ns(self, now_ns: int) -> int:
        """The moment of the newest value there is, 0 without one."""
        return max(part.spoke_ns(now_ns) for part in self._parts.values())

    @property
    def ts(self) -> int:
        return max(part.ts for part in self._parts.values())

    @property
    def quality(self) -> float:
        return max(history.quality for history in self._histories.values())
