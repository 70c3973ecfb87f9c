"""Which bars may be believed, and the bar that is still forming."""

from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe, TradeTick
from quant.features.bounds import is_price, is_size

# A hole of more bars than this cannot be bridged: averages start anew.
MAX_GAP_BARS = 3


def is_sound(bar: Bar) -> bool:
    """Prices above zero, low <= open, close <= high, volume not below zero."""
    return (
        is_price(bar.low)
        and is_price(bar.high)
        and bar.low <= bar.open <= bar.high
        and bar.low <= bar.close <= bar.high
        and is_size(bar.volume)
    )


def timeframe_ns(timeframe: Timeframe) -> int:
    return TIMEFRAME_SECONDS[timeframe] * 1_000_000_000


class FormingBar:
    """High, low and close of the open bar, from prints or from what the venue tells."""

    __slots__ = ("_length_ns", "close", "high", "low", "ts", "ts_open", "version")

    def __init__(self, timeframe: Timeframe) -> None:
        self._length_ns = timeframe_ns(timeframe)
        self.ts_open = -1
        self.ts = 0
        self.high = self.low = self.close = 0.0
        self.version = 0

    def print(self, tick: TradeTick) -> None:
        """Take a print in; one older than the open bar is left out."""
        ts_open = tick.ts_event - tick.ts_event % self._length_ns
        if ts_open < self.ts_open:
            return
        price = tick.price
        if ts_open > self.ts_open:
            self.ts_open = ts_open
            self.high = self.low = price
        elif price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        elif price == self.close:
            self.ts = tick.ts_init
            return
        self.close = price
        self.ts = tick.ts_init
        self.version += 1

    def replace(self, bar: Bar) -> None:
        """Take the venue's own forming bar."""
        if bar.ts_open < self.ts_open:
            return
        self.ts_open = bar.ts_open
        self.high, self.low, self.close = bar.high, bar.low, bar.close
        self.ts = max(self.ts, bar.ts_open)
        self.version += 1
