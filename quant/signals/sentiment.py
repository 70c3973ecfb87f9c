"""What the crowd feels: the fear & greed index, faded at its extremes, and headlines.

½ index, whose say halves every 24 hours and ends after 36, ½ headlines, whose say halves every 2 hours after the last.
Headlines are judged by a word list, labelled "baseline" until something better has been shown to be.
"""

from marketdata.events import Event, Headline, Sentiment
from quant.features.news import HALF_LIFE_NS as NEWS_HALF_LIFE_NS
from quant.features.news import MIN_ITEMS, News
from quant.features.slow import HOUR_NS, MINUTE_NS, SeriesLock
from quant.reading import Reading, missing, weighted_mean

PART_WEIGHTS = {"fear_greed": 0.5, "headlines_baseline": 0.5}

MARKET = "CRYPTO"
INDEX_HALF_LIFE_NS = 24 * HOUR_NS
INDEX_MAX_AGE_NS = 36 * HOUR_NS
FULL_DAYS, FULL_ITEMS = 90, 200


def fade_extremes(index: float) -> float:
    """-sign(v - 50)·max(0, |v - 50| - 25)/25: greed above 75 is sold, fear below 25 is bought, in [-1, 1]."""
    size = max(0.0, abs(index - 50.0) - 25.0) / 25.0
    return 0.0 if size == 0.0 else -size if index > 50.0 else size


class SentimentSignal:
    """Sentiment of one asset. What is unsound, repeated or older is left out."""

    def __init__(self) -> None:
        self._lock = SeriesLock(INDEX_MAX_AGE_NS)
        self._index: float | None = None
        self._days = 0
        self._news = News()
        self._read_at: tuple[int, Reading] | None = None

    def update(self, event: Event) -> None:
        """Take Sentiment or Headline; others are not for it."""
        if isinstance(event, Sentiment):
            if 0.0 <= event.index <= 100.0 and self._lock.follows((event.exchange, event.symbol), event.ts_event):
                self._index = event.index
                self._days += 1
                self._read_at = None
        elif isinstance(event, Headline):
            self._news.on_headline(event.ts_init, event.title, is_own=event.symbol != MARKET)
            self._read_at = None

    def read(self, now_ns: int) -> Reading:
        """As it stands in the minute of `now_ns`: within a minute nothing fades noticeably."""
        minute = now_ns // MINUTE_NS
        if self._read_at is None or self._read_at[0] != minute:
            self._read_at = (minute, self._read(minute * MINUTE_NS))
        return self._read_at[1]

    def _read(self, now_ns: int) -> Reading:
        index_age = max(0, now_ns - self._lock.ts)
        fresh = self._index is not None and index_age <= INDEX_MAX_AGE_NS
        news = self._news.at(now_ns)
        parts = {
            "fear_greed": fade_extremes(self._index) if fresh and self._index is not None else None,
            "headlines_baseline": news,
            "index": self._index,
            "headlines": float(self._news.count),
        }
        says = {
            "fear_greed": 0.5 * 2.0 ** (-index_age / INDEX_HALF_LIFE_NS),
            "headlines_baseline": 0.5 * 2.0 ** (-max(0, now_ns - self._news.ts) / NEWS_HALF_LIFE_NS),
        }
        n_obs = self._days + self._news.count
        as_of = max(self._lock.ts if fresh else 0, self._news.ts if news is not None else 0)
        value = weighted_mean(parts, says)
        if value is None:
            return missing(self._lacking(), as_of=as_of, n_obs=n_obs, parts=parts if n_obs else None)
        grown = {
            "fear_greed": min(1.0, 0.5 + 0.5 * self._days / FULL_DAYS),
            "headlines_baseline": min(1.0, 0.5 + 0.5 * self._news.count / FULL_ITEMS),
        }
        # What has faded is not made up for by being alone: only the newer of the two counts in full.
        left = {name: says[name] / PART_WEIGHTS[name] for name in parts if name in says and parts[name] is not None}
        quality = max(grown[name] * left[name] for name in left)
        return Reading(value=value, quality=quality, as_of=as_of, n_obs=n_obs, parts=parts)

    def _lacking(self) -> str:
        if self._index is None and self._news.count == 0:
            return "no data: fear and greed index, headlines"
        index = (
            "the fear and greed index is over 36 hours old" if self._index is not None else "no fear and greed index"
        )
        return f"no data: {index}, fewer than {MIN_ITEMS} headlines of the last hours"
