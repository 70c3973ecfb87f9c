"""Price against open interest over an hour: new positions carry a move, closed ones fade it."""

import math

from quant.features.rolling import Lagged
from quant.features.slow import HOUR_NS, MINUTE_NS, History, Part, SeriesLock
from quant.reading import clip

MAX_AGE_NS = 12 * MINUTE_NS
EVERY_S = 240.0

Key = tuple[str, str]


class Quadrant:
    """P·O where open interest grows, ½P·O where it shrinks, with P and O the clipped standard scores of both changes.

    P = clip(z(ln price change), ±2)/2 and O = clip(z(ln open interest change), ±2)/2, z over 30 days.
    """

    def __init__(self) -> None:
        self._lock = SeriesLock(MAX_AGE_NS)
        self._price_lock = SeriesLock(MAX_AGE_NS)
        self._interest = Lagged(HOUR_NS)
        self._prices = Lagged(HOUR_NS)
        self._log_price: float | None = None
        self._returns = History(tau_days=30.0, every_s=EVERY_S)
        self._changes = History(tau_days=30.0, every_s=EVERY_S)
        self.part = Part(MAX_AGE_NS)
        # The standard score of open interest's change, for models.
        self.change = Part(MAX_AGE_NS)
        self.count = 0

    def on_price(self, key: Key, ts_ns: int, price: float) -> None:
        """Take the price of the asset, of any one series."""
        changes = self._price_lock.changes
        if not self._price_lock.follows(key, ts_ns):
            return
        if self._price_lock.changes != changes:
            self._prices = Lagged(HOUR_NS)
        self._log_price = math.log(price)
        self._prices.push(ts_ns, self._log_price)

    def on_interest(self, key: Key, ts_ns: int, contracts: float) -> None:
        """Take open interest in contracts or base, of any one series."""
        changes = self._lock.changes
        if not self._lock.follows(key, ts_ns):
            return
        if self._lock.changes != changes:
            self._interest = Lagged(HOUR_NS)
        self.count += 1
        log_interest = math.log(contracts)
        self._interest.push(ts_ns, log_interest)
        then, then_price = self._interest.get(ts_ns), self._prices.get(ts_ns)
        if then is None or then_price is None or self._log_price is None:
            self.part.set(ts_ns, None)
            return
        if abs(ts_ns - self._price_lock.ts) > MAX_AGE_NS:
            self.part.set(ts_ns, None)
            return
        moved = self._returns.score(ts_ns, self._log_price - then_price[1])
        grown = self._changes.score(ts_ns, log_interest - then[1])
        self.change.set(ts_ns, grown)
        if moved is None or grown is None:
            self.part.set(ts_ns, None)
            return
        price, interest = clip(moved, -2.0, 2.0) / 2.0, clip(grown, -2.0, 2.0) / 2.0
        self.part.set(ts_ns, price * interest * (1.0 if interest >= 0.0 else 0.5))

    @property
    def quality(self) -> float:
        return min(self._returns.quality, self._changes.quality)
