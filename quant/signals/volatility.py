"""The volatility-managed tilt, and what sizing and veto need to know of volatility.

Tilt = -norm(z(ln sigma_short - ln sigma_long)): risk premia per unit of risk fall when volatility rises (Moreira & Muir 2017).
sigma_short is Yang-Zhang over 20 bars, sigma_long the deviation it has had on average (root of an EW mean, span 200).
The variance risk premium and the nightly GARCH's deviation are recorded beside it, and move nothing.
"""

import math
from functools import partial

from talib import stream

from marketdata.events import Bar, Event, Premium, Timeframe, VolatilityIndex
from quant.features.bars import ATR_BARS, MAX_GAP_BARS, is_sound, price_scale, timeframe_ns
from quant.features.bounds import is_price
from quant.features.clustering import Clustering
from quant.features.ew import EwMean, EwMoments, span_decay
from quant.features.garch import GarchParameters
from quant.features.indicator import Indicator
from quant.features.ranges import YangZhang
from quant.features.rolling import RollingQuantile
from quant.features.scale import ForecastScale
from quant.features.variance_premium import VariancePremium
from quant.reading import MIN_OBSERVATIONS, Reading, clip, grown_quality, missing

SHORT_BARS = 20
LONG_SPAN = 200
Z_SPAN = 500
PERCENTILE_BARS = 500
EWMA_LAMBDA = 0.94
MULTIPLIER_RANGE = (0.25, 2.0)
SECONDS_A_YEAR = 365 * 86_400
MAX_IMPLIED = 10.0


class Volatility:
    """Volatility of one instrument, on the bars of one timeframe. `premium` goes on from another's, if given."""

    def __init__(self, timeframe: Timeframe, *, premium: VariancePremium | None = None) -> None:
        self.timeframe = timeframe
        self._length_ns = timeframe_ns(timeframe)
        self._last_open_ns: int | None = None
        self.premium = premium or VariancePremium()
        self._garch = Clustering()
        self._reset()

    def _reset(self) -> None:
        self._yang_zhang = YangZhang(SHORT_BARS)
        self._long = EwMean(LONG_SPAN)
        self._moments = EwMoments()
        self._scale = ForecastScale()
        self._history = RollingQuantile(PERCENTILE_BARS)
        self._atr = Indicator(partial(stream.ATR, timeperiod=ATR_BARS), inputs=3)
        self._price_scale: float | None = None
        self._close: float | None = None
        self._garch.forget()
        self._ewma: float | None = None
        self._n = 0
        self.sigma_bar: float | None = None
        self.sigma_long_bar: float | None = None
        self.percentile: float | None = None
        self.atr_pct: float | None = None
        self.reading = missing(_too_few(0))

    def update(self, bar: Bar) -> bool:
        """Take a closed bar. False when it was left out: unsound, or not newer than the last."""
        if not is_sound(bar) or (self._last_open_ns is not None and bar.ts_open <= self._last_open_ns):
            return False
        if self._last_open_ns is not None and bar.ts_open - self._last_open_ns > (MAX_GAP_BARS + 1) * self._length_ns:
            self._reset()
        self._last_open_ns = bar.ts_open
        self._n += 1
        self._measure(bar)
        self.reading = self._read(bar.ts_close)
        return True

    def observe(self, event: Event) -> None:
        """Take VolatilityIndex or Premium, which the variance risk premium is made of; others are not for it."""
        if isinstance(event, VolatilityIndex):
            if 0.0 < event.value <= MAX_IMPLIED:
                self.premium.on_implied(event.ts_event, event.value)
        elif isinstance(event, Premium) and is_price(event.index):
            self.premium.on_index(event.ts_event, event.index)

    def set_garch(self, parameters: GarchParameters | None) -> None:
        """Follow GARCH(1,1) as it was fitted to bars of this timeframe: recorded beside the signal, it moves nothing."""
        self._garch.follow(parameters)

    @property
    def sigma_per_sqrt_s(self) -> float | None:
        """Deviation of log returns over one second."""
        return None if self.sigma_bar is None else self.sigma_bar / math.sqrt(self._length_ns / 1e9)

    @property
    def sigma_annual(self) -> float | None:
        per_second = self.sigma_per_sqrt_s
        return None if per_second is None else per_second * math.sqrt(SECONDS_A_YEAR)

    @property
    def size_multiplier(self) -> float | None:
        """sigma_long/sigma_short within [.25, 2]: smaller positions when the market is wilder than it used to be."""
        if self.sigma_bar is None or self.sigma_long_bar is None:
            return None
        return clip(self.sigma_long_bar / self.sigma_bar, *MULTIPLIER_RANGE)

    def _measure(self, bar: Bar) -> None:
        if self._price_scale is None:
            self._price_scale = price_scale(bar.close)
        scale = self._price_scale
        self._atr.update(bar.high * scale, bar.low * scale, bar.close * scale)
        self.atr_pct = None if self._atr.value is None else self._atr.value / (bar.close * scale)
        if self._close is not None:
            moved = math.log(bar.close / self._close)
            squared = moved**2
            self._garch.update(moved)
            self._ewma = squared if self._ewma is None else EWMA_LAMBDA * self._ewma + (1 - EWMA_LAMBDA) * squared
        self._close = bar.close
        sigma = self._yang_zhang.update(bar.open, bar.high, bar.low, bar.close)
        self.sigma_bar = sigma if sigma else None
        if self.sigma_bar is None:
            self.percentile = None
            return
        self._history.push(self.sigma_bar)
        enough = len(self._history) >= MIN_OBSERVATIONS
        self.percentile = self._history.rank(self.sigma_bar) if enough else None
        self.sigma_long_bar = math.sqrt(self._long.update(self.sigma_bar**2))

    def _read(self, as_of: int) -> Reading:
        parts = {
            "yang_zhang": self.sigma_bar,
            "ewma": None if self._ewma is None else math.sqrt(self._ewma),
            "long": self.sigma_long_bar,
            "percentile": self.percentile,
            "atr_pct": self.atr_pct,
            "implied": self.premium.implied,
            "variance_premium": self.premium.value,
            "variance_premium_tilt": self.premium.tilt,
            "garch": self._garch.sigma,
        }
        if self.sigma_bar is None or self.sigma_long_bar is None:
            reason = "prices stand still" if self._n > SHORT_BARS else _too_few(self._n)
            return missing(reason, as_of=as_of, n_obs=self._n, parts=parts)
        ratio = math.log(self.sigma_bar / self.sigma_long_bar)
        z = self._moments.z(ratio)
        self._moments.update(ratio, span_decay(Z_SPAN))
        value = None if z is None else -self._scale.norm(z)
        if z is not None:
            self._scale.observe(z)
        if self._n < MIN_OBSERVATIONS:
            return missing(_too_few(self._n), as_of=as_of, n_obs=self._n, parts=parts)
        if value is None:
            return missing("volatility stands still", as_of=as_of, n_obs=self._n, parts=parts)
        return Reading(value=value, quality=grown_quality(self._n), as_of=as_of, n_obs=self._n, parts=parts)


def _too_few(bars: int) -> str:
    return f"Insufficient live data: {bars} of {MIN_OBSERVATIONS} bars"
