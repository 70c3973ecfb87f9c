"""Headlines of an asset as one number that fades: exponentially weighted with a half-life of two hours."""

import math
from collections import deque

from quant.features.lexicon import fold, score
from quant.features.slow import DAY_NS, HOUR_NS

HALF_LIFE_NS = 2 * HOUR_NS
# After six half-lives an item weighs under two hundredths.
WINDOW_NS = 6 * HALF_LIFE_NS
MIN_ITEMS = 3
MAX_ITEMS = 200
MAX_TITLES = 500
# News of the whole market says less of an asset than its own.
MARKET_WEIGHT = 0.5


class News:
    """Scored headlines of the last hours, each title once in 24 hours. Times are of our first sight of them."""

    def __init__(self) -> None:
        self._items: deque[tuple[int, float, float]] = deque(maxlen=MAX_ITEMS)
        self._titles: dict[str, int] = {}
        self.count = 0
        self.ts = 0

    def on_headline(self, ts_ns: int, title: str, *, is_own: bool) -> None:
        """Take a headline about the asset, or about its market. Those that the word list knows nothing of do not count."""
        key = fold(title)
        seen_ns = self._titles.get(key)
        if seen_ns is not None and abs(ts_ns - seen_ns) < DAY_NS:
            return
        self._titles[key] = ts_ns
        if len(self._titles) > MAX_TITLES:
            del self._titles[next(iter(self._titles))]
        value = score(title)
        if value is None:
            return
        self._items.append((ts_ns, value, 1.0 if is_own else MARKET_WEIGHT))
        self.count += 1
        self.ts = max(self.ts, ts_ns)

    def at(self, now_ns: int) -> float | None:
        """The weighted mean in [-1, 1]; None with fewer than three items of the last hours."""
        fresh = [
            (value, weight * 2.0 ** (-max(0, now_ns - ts) / HALF_LIFE_NS))
            for ts, value, weight in self._items
            if now_ns - ts <= WINDOW_NS
        ]
        if len(fresh) < MIN_ITEMS:
            return None
        return math.fsum(value * weight for value, weight in fresh) / math.fsum(weight for _, weight in fresh)
