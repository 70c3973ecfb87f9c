"""What advisers need of one symbol: bars as features and as candles, and the votes they gave."""

from collections import deque
from collections.abc import Sequence

from django.db import connection

from bots.engine.ballot import Ballot
from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe
from marketdata.history import load_bars
from quant.learning.features import FeatureBuilder
from quant.reading import LEARNED, Component

RECENT = 30
PAST_BARS = 700
CANDLES = 500
SECOND_NS = 1_000_000_000


class Advice:
    """Of one instrument. What reads the database runs in the advisers' one thread; the rest in the loop."""

    def __init__(self, exchange: str, symbol: str) -> None:
        self.exchange, self.symbol = exchange, symbol
        self.ballots: dict[Component, Ballot] = {component: Ballot() for component in LEARNED}
        # Who is still thinking about an earlier bar.
        self.busy: set[str] = set()
        self._recent: dict[Timeframe, deque[Bar]] = {}
        self._builders: dict[Timeframe, FeatureBuilder] = {}
        self._candles: deque[Bar] = deque(maxlen=CANDLES)

    def note(self, bar: Bar) -> None:
        """Take a bar as it closes."""
        self._recent.setdefault(bar.timeframe, deque(maxlen=RECENT)).append(bar)

    def recent(self, timeframe: Timeframe) -> tuple[Bar, ...]:
        return tuple(self._recent.get(timeframe, ()))

    def builder(self, timeframe: Timeframe, recent: Sequence[Bar]) -> FeatureBuilder:
        """The features up to the newest of `recent`; begun anew from the stored bars at first, and after a hole."""
        found = self._builders.get(timeframe)
        if found is None or _has_hole(found.last_open_ns, recent, timeframe):
            found = self._builders[timeframe] = FeatureBuilder(timeframe)
            for bar in _stored(self.exchange, self.symbol, timeframe, PAST_BARS):
                found.update(bar)
        for bar in recent:
            found.update(bar)
        return found

    def candles(self, recent: Sequence[Bar]) -> list[Bar]:
        """Closed minutes, oldest first."""
        last_ns = self._candles[-1].ts_open if self._candles else None
        if last_ns is None or _has_hole(last_ns, recent, "1m"):
            self._candles.clear()
            self._candles.extend(_stored(self.exchange, self.symbol, "1m", CANDLES))
            last_ns = self._candles[-1].ts_open if self._candles else 0
        self._candles.extend(bar for bar in recent if bar.ts_open > last_ns)
        return list(self._candles)


def _has_hole(last_open_ns: int | None, recent: Sequence[Bar], timeframe: Timeframe) -> bool:
    newer = [bar.ts_open for bar in recent if last_open_ns is None or bar.ts_open > last_open_ns]
    return (
        bool(newer) and last_open_ns is not None and newer[0] - last_open_ns > TIMEFRAME_SECONDS[timeframe] * SECOND_NS
    )


def _stored(exchange: str, symbol: str, timeframe: Timeframe, limit: int) -> list[Bar]:
    try:
        return load_bars(exchange, symbol, timeframe, limit)
    finally:
        # Used once in a while: a kept connection would be found dead after the database was away.
        connection.close()
