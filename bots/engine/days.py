"""Daily bars of a running symbol: feeds make bars of up to four hours, and history fetches the days before."""

from collections import deque
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from marketdata.aggregate import aggregate
from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe

PART: Timeframe = "4h"
DAY: Timeframe = "1d"
DAY_NS = TIMEFRAME_SECONDS[DAY] * 1_000_000_000
PARTS = 12


class Days:
    """Bars of four hours in, days out. Pure."""

    def __init__(self) -> None:
        self._parts: deque[Bar] = deque(maxlen=PARTS)

    def begin(self, days: Sequence[Bar], parts: Sequence[Bar]) -> list[Bar]:
        """All closed days: those that are stored, and what later ones the parts make. Begins anew."""
        self._parts.clear()
        self._parts.extend(parts[-PARTS:])
        last_ns = days[-1].ts_open if days else -1
        return [*days, *(day for day in aggregate(parts, DAY) if day.ts_open > last_ns)]

    def close(self, bar: Bar) -> Bar | None:
        """Take a bar; the day that ends with it, where all its parts are there."""
        if bar.timeframe != PART or not bar.closed:
            return None
        if not self._parts or bar.ts_open > self._parts[-1].ts_open:
            self._parts.append(bar)
        built = aggregate(self._parts, DAY)
        return built[-1] if built and built[-1].ts_close == bar.ts_close else None

    def forming(self, bars: Iterable[Bar]) -> Bar | None:
        """The day so far: its closed parts and the forming one among `bars`; None where a part is missing."""
        last = next((bar for bar in bars if bar.timeframe == PART and not bar.closed), None)
        if last is None:
            return None
        begin_ns = last.ts_open - last.ts_open % DAY_NS
        parts = [bar for bar in self._parts if begin_ns <= bar.ts_open < last.ts_open]
        if sum(bar.ts_close - bar.ts_open for bar in parts) != last.ts_open - begin_ns:
            return None
        whole = [*parts, last]
        takers = [bar.taker_buy_volume for bar in whole]
        return replace(
            last,
            timeframe=DAY,
            ts_open=begin_ns,
            ts_close=begin_ns + DAY_NS,
            open=whole[0].open,
            high=max(bar.high for bar in whole),
            low=min(bar.low for bar in whole),
            volume=sum(bar.volume for bar in whole),
            taker_buy_volume=None if None in takers else sum(taker or 0.0 for taker in takers),
            trades=sum(bar.trades for bar in whole),
        )
