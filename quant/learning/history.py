"""Closed bars of one instrument and timeframe as columns."""

from itertools import pairwise

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quant.features.bars import MAX_GAP_BARS
from quant.features.bounds import LEAST, MOST

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


class BarHistory(Struct, frozen=True, kw_only=True):
    """(bars,) each, oldest first. `ts_open` in nanoseconds; `taker_buy` is NaN where it is not known."""

    ts_open: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    taker_buy: Floats

    def __len__(self) -> int:
        return len(self.ts_open)

    def part(self, chosen: slice | NDArray[np.bool_]) -> "BarHistory":
        return BarHistory(**{name: getattr(self, name)[chosen] for name in self.__struct_fields__})

    def sound(self) -> "BarHistory":
        """Without the bars that live signals leave out: unsound ones, and those not newer than one before them."""
        with np.errstate(invalid="ignore"):
            kept = (self.low > LEAST) & (self.high < MOST) & (self.volume >= 0.0) & (self.volume < MOST)
            for price in (self.open, self.close):
                kept &= (self.low <= price) & (price <= self.high)
        before = np.maximum.accumulate(np.where(kept, self.ts_open, np.iinfo(np.int64).min))
        kept[1:] &= self.ts_open[1:] > before[:-1]
        return self if kept.all() else self.part(kept)

    def segments(self, length_ns: int) -> list[slice]:
        """Stretches without a hole that cannot be bridged, as the live signals begin anew after one."""
        cuts = np.flatnonzero(np.diff(self.ts_open) > (MAX_GAP_BARS + 1) * length_ns) + 1
        edges = [0, *cuts.tolist(), len(self)]
        return [slice(begin, end) for begin, end in pairwise(edges) if end > begin]
