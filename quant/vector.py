"""All signals of one instrument at one moment, as columns that bots weigh."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from marketdata.events import TIMEFRAME_SECONDS, Timeframe
from quant.reading import Component, Reading
from quant.regime import RegimeState

Floats = NDArray[np.float64]

# Component -> (age at which it no longer counts, age up to which it counts in full), in seconds.
MAX_AGE_S: dict[Component, tuple[float, float]] = {
    Component.SPEED: (5.0, 0.1),
    Component.MICROSTRUCTURE: (2.0, 0.1),
    Component.OPEN_INTEREST: (12 * 60.0, 5 * 60.0),
    Component.OPTIONS_FLOW: (5 * 60.0, 60.0),
    Component.SENTIMENT: (36 * 3600.0, 24 * 3600.0),
}


class Column(Struct, frozen=True, kw_only=True):
    """One place in the vector. Technical has two for each timeframe: on closed bars, and with the forming bar.

    `without` are the strategies of technical that this one leaves out, for bots that have switched them off.
    """

    component: Component
    timeframe: Timeframe | None = None
    forming: bool = False
    without: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        if self.timeframe is None:
            return self.component.value
        less = f" without {', '.join(self.without)}" if self.without else ""
        return f"{self.component.value} {self.timeframe}{' forming' if self.forming else ''}{less}"


def age_limits_s(column: Column, base_timeframe: Timeframe) -> tuple[float, float]:
    """(maximum age, grace) of a column; components of bars count for two bars, in full for one."""
    if column.component in MAX_AGE_S:
        return MAX_AGE_S[column.component]
    bar_s = float(TIMEFRAME_SECONDS[column.timeframe or base_timeframe])
    return 2.0 * bar_s, bar_s


def freshness(age_s: float, max_age_s: float, grace_s: float) -> float:
    """Share of its quality that a reading keeps: 1 within grace, halving every max/3 after it, 0 beyond max."""
    if age_s > max_age_s:
        return 0.0
    if age_s <= grace_s:
        return 1.0
    return float(2.0 ** (-(age_s - grace_s) / (max_age_s / 3.0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalVector:
    """Readings of one instrument. Arrays are (columns,); prices in quote, sizes in base, times in nanoseconds.

    `values` is NaN and `quality` 0 where there is no reading; `quality` includes the loss by age. `exists` is false
    where the instrument has no such input at all. Volatilities are of log returns.
    """

    exchange: str
    symbol: str
    now_ns: int
    columns: tuple[Column, ...]
    readings: tuple[Reading, ...]
    exists: NDArray[np.bool_]
    values: Floats
    quality: Floats

    last_price: float | None
    bid: float | None
    ask: float | None
    mid: float | None
    spread_bps: float | None
    spread_median_bps: float | None
    depth: float | None
    depth_median: float | None
    quote_ns: int | None
    trade_ns: int | None
    feed_state: str
    book_valid: bool

    sigma_annual: float | None
    sigma_per_sqrt_s: float | None
    sigma_percentile: float | None
    atr_pct: float | None
    size_multiplier: float | None
    return_1m: float | None
    # When the price last jumped by more than five deviations within a minute.
    jump_ns: int | None
    # The funding of a perpetual that is nearest in time, past or to come.
    funding_ns: int | None = None
    # What kind of market each timeframe sees.
    regimes: Mapping[Timeframe, RegimeState] = field(default_factory=dict)
    # How much later than at its best the stream of quotes arrives.
    late_ms: float | None = None

    def reading(self, component: Component, timeframe: Timeframe | None = None, *, forming: bool = False) -> Reading:
        """The reading of one column. Raises KeyError, naming the columns there are."""
        for column, reading in zip(self.columns, self.readings, strict=True):
            if (column.component, column.timeframe, column.forming) == (component, timeframe, forming):
                return reading
        raise KeyError(f"{component} {timeframe or ''} is not among {[column.name for column in self.columns]}")
