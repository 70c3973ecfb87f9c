"""Which bars may be believed, and the bar that is still forming."""

import math

from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe, TradeTick
from quant.features.bounds import is_price, is_size

ADX_BARS = ATR_BARS = 14
# TA-Lib calls a variance below 1e-14 zero. Prices are brought near 2^20 by a power of two, which rounds nothing, so
# that a coin at 0.000001 is measured like one at 60,000.
_TARGET_EXPONENT = 20

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


def price_scale(price: float) -> float:
    """The power of two that brings a price near 2^20."""
    return math.ldexp(1.0, _TARGET_EXPONENT - math.frexp(price)[1])


class FormingBar:
    """High, low, close and volumes of the open bar, from prints or from what the venue tells.

    `taker_buy` is None where it is not known who crossed the spread. `version` grows with every change.
    """

    __slots__ = ("_length_ns", "close", "high", "low", "taker_buy", "ts", "ts_open", "version", "volume")

    def __init__(self, timeframe: Timeframe) -> None:
        self._length_ns = timeframe_ns(timeframe)
        self.ts_open = -1
        self.ts = 0
        self.high = self.low = self.close = 0.0
        self.volume = 0.0
        self.taker_buy: float | None = 0.0
        self.version = 0

    def print(self, tick: TradeTick) -> None:
        """Take a print in; one older than the open bar is left out."""
        ts_open = tick.ts_event - tick.ts_event % self._length_ns
        if ts_open < self.ts_open:
            return
        price, size = tick.price, tick.size
        if ts_open > self.ts_open:
            self.ts_open = ts_open
            self.high = self.low = price
            self.volume = self.taker_buy = 0.0
        elif price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        elif price == self.close and size == 0.0:
            self.ts = tick.ts_init
            return
        self.close = price
        self.volume += size
        if self.taker_buy is not None and not tick.buyer_is_maker:
            self.taker_buy += size
        self.ts = tick.ts_init
        self.version += 1

    def replace(self, bar: Bar) -> None:
        """Take the venue's own forming bar."""
        if bar.ts_open < self.ts_open:
            return
        self.ts_open = bar.ts_open
        self.high, self.low, self.close = bar.high, bar.low, bar.close
        self.volume, self.taker_buy = bar.volume, bar.taker_buy_volume
        self.ts = max(self.ts, bar.ts_open)
        self.version += 1
