"""What holding a future costs: funding of the perpetual, and the basis of perpetual and quarterly. Crowding is faded."""

import math

from quant.features.slow import DAY_NS, HOUR_NS, MINUTE_NS, History, Part, SeriesLock, contrarian
from quant.features.trend import mean_of

MAX_AGE_NS = 12 * MINUTE_NS
# A quarterly's basis comes in buckets of five minutes, told after their end and asked for every five.
QUARTERLY_MAX_AGE_NS = 20 * MINUTE_NS
EVERY_S = 240.0
# An expiry nearer than this makes any difference a huge annual one.
MIN_DAYS = 1.0

Key = tuple[str, str]


class FundingRate:
    """The contrarian map of z over 90 days of the annual rate: rate·(24/interval)·365.

    A rate counts for one and a half intervals. It learns at most about once an hour, however often one comes.
    """

    def __init__(self) -> None:
        self._lock = SeriesLock(24 * HOUR_NS)
        self._history = History(tau_days=90.0, every_s=0.9 * 3600.0, full_days=90.0)
        self.part = Part(12 * HOUR_NS)
        # The standard score itself, for models.
        self.z = Part(12 * HOUR_NS)
        self.annual: float | None = None

    def on_rate(self, key: Key, ts_ns: int, rate: float, interval_h: float) -> None:
        if not self._lock.follows(key, ts_ns):
            return
        self.annual = rate * (24.0 / interval_h) * 365.0
        z = self._history.score(ts_ns, self.annual)
        self.part.max_age_ns = self.z.max_age_ns = int(1.5 * interval_h * HOUR_NS)
        self.z.set(ts_ns, z)
        self.part.set(ts_ns, None if z is None else contrarian(z))

    @property
    def quality(self) -> float:
        return self._history.quality


class Basis:
    """The contrarian map of z over 30 days: ln(mark/index), of a quarterly future by year. Mean of those there are."""

    def __init__(self) -> None:
        ages = {False: MAX_AGE_NS, True: QUARTERLY_MAX_AGE_NS}
        self._locks = {quarterly: SeriesLock(age) for quarterly, age in ages.items()}
        self._histories = {quarterly: History(tau_days=30.0, every_s=EVERY_S) for quarterly in (False, True)}
        self._parts = {quarterly: Part(age) for quarterly, age in ages.items()}

    def on_premium(self, key: Key, ts_ns: int, mark: float, index: float, expiry: int) -> None:
        quarterly = expiry > 0
        difference = math.log(mark / index)
        if quarterly:
            days = (expiry - ts_ns) / DAY_NS
            if days < MIN_DAYS:
                return
            difference *= 365.0 / days
        if not self._locks[quarterly].follows(key, ts_ns):
            return
        z = self._histories[quarterly].score(ts_ns, difference)
        self._parts[quarterly].set(ts_ns, None if z is None else contrarian(z))

    def at(self, now_ns: int) -> float | None:
        return mean_of([part.at(now_ns) for part in self._parts.values()])

    def spoke_ns(self, now_ns: int) -> int:
        """The moment of the newest value there is, 0 without one."""
        return max(part.spoke_ns(now_ns) for part in self._parts.values())

    @property
    def ts(self) -> int:
        return max(part.ts for part in self._parts.values())

    @property
    def quality(self) -> float:
        return max(history.quality for history in self._histories.values())
