"""Trend: moving-average crossovers in units of price volatility, and the place within the recent range.

Sources: pysystemtrade `ewmac.py`, `breakout.py`, `robust_vol_calc`; Carver, Systematic Trading, appendix B.
"""

from functools import partial

from talib import stream

from quant.features.ew import EwMean, EwMoments, span_decay
from quant.features.indicator import Indicator
from quant.features.rolling import RollingQuantile
from quant.features.scale import ForecastScale
from quant.reading import clip

# (fast span, slow span) -> forecast scalar published for daily bars.
EWMAC_SCALARS = {(8, 32): 5.3, (16, 64): 3.75, (32, 128): 2.65}
# Neighbouring pairs correlate .87, the outer two .6: 1/sqrt of the mean of that matrix.
EWMAC_MULTIPLIER = 1.08
BREAKOUT_BARS = (20, 80)

VOLATILITY_SPAN = 35
VOLATILITY_MIN_OBS = 10
VOLATILITY_FLOOR_QUANTILE = 0.05
VOLATILITY_FLOOR_BARS = 500


class PriceVolatility:
    """Deviation of price differences, floored at a low quantile of its own past."""

    __slots__ = ("_decay", "_floor", "_last", "_moments")

    def __init__(self) -> None:
        self._moments = EwMoments()
        self._decay = span_decay(VOLATILITY_SPAN)
        self._floor = RollingQuantile(VOLATILITY_FLOOR_BARS)
        self._last: float | None = None

    def update(self, price: float) -> float | None:
        if self._last is not None:
            self._moments.update(price - self._last, self._decay)
        self._last = price
        if self._moments.count < VOLATILITY_MIN_OBS:
            return None
        std = self._moments.std
        floored = self._floored(std)
        if std is not None:
            self._floor.push(std)
        return floored

    def peek(self, price: float) -> float | None:
        if self._last is None or self._moments.count < VOLATILITY_MIN_OBS:
            return None
        return self._floored(self._moments.peek_std(price - self._last, self._decay))

    def _floored(self, std: float | None) -> float | None:
        if std is None:
            return None
        sigma = max(std, self._floor.quantile(VOLATILITY_FLOOR_QUANTILE) or 0.0)
        return sigma if sigma > 0.0 else None


class Ewmac:
    """(EMA fast - EMA slow) / volatility, scaled, averaged over the pairs whose look-back fits."""

    def __init__(self) -> None:
        self._volatility = PriceVolatility()
        spans = sorted({span for pair in EWMAC_SCALARS for span in pair})
        self._emas = {span: Indicator(partial(stream.EMA, timeperiod=span)) for span in spans}
        self._scales = {pair: ForecastScale(prior) for pair, prior in EWMAC_SCALARS.items()}

    def update(self, price: float) -> float | None:
        for ema in self._emas.values():
            ema.update(price)
        sigma = self._volatility.update(price)
        raw = _crossovers({span: ema.value for span, ema in self._emas.items()}, sigma)
        score = self._score(raw)
        for pair, x in raw.items():
            self._scales[pair].observe(x)
        return score

    def peek(self, price: float) -> float | None:
        averages = {span: ema.peek(price) for span, ema in self._emas.items()}
        return self._score(_crossovers(averages, self._volatility.peek(price)))

    def _score(self, raw: dict[tuple[int, int], float]) -> float | None:
        if not raw:
            return None
        mean = sum(self._scales[pair].norm(x) for pair, x in raw.items()) / len(raw)
        return clip(EWMAC_MULTIPLIER * mean, -1.0, 1.0)


def _crossovers(averages: dict[int, float | None], sigma: float | None) -> dict[tuple[int, int], float]:
    raw = {}
    if sigma is not None:
        for pair in EWMAC_SCALARS:
            fast, slow = averages[pair[0]], averages[pair[1]]
            if fast is not None and slow is not None:
                raw[pair] = (fast - slow) / sigma
    return raw


class Breakout:
    """Where the price stands between the highest and lowest of the last N, smoothed, in [-1, 1]."""

    __slots__ = ("_high", "_low", "_smooth")

    def __init__(self, bars: int) -> None:
        self._high = Indicator(partial(stream.MAX, timeperiod=bars))
        self._low = Indicator(partial(stream.MIN, timeperiod=bars))
        self._smooth = EwMean(bars / 4)

    def update(self, price: float) -> float | None:
        self._high.update(price)
        self._low.update(price)
        raw = breakout(price, self._high.value, self._low.value)
        return None if raw is None else self._smooth.update(raw)

    def peek(self, price: float) -> float | None:
        raw = breakout(price, self._high.peek(price), self._low.peek(price))
        return None if raw is None else self._smooth.peek(raw)


def breakout(price: float, high: float | None, low: float | None) -> float | None:
    """+1 at the high, -1 at the low; None where they are the same."""
    if high is None or low is None or high <= low:
        return None
    return clip(2.0 * (price - (high + low) / 2.0) / (high - low), -1.0, 1.0)


class Trend:
    """Mean of crossovers and breakouts, each where its look-back fits. Gives (trend, ewmac, breakout)."""

    def __init__(self) -> None:
        self._ewmac = Ewmac()
        self._breakouts = tuple(Breakout(bars) for bars in BREAKOUT_BARS)

    def update(self, price: float) -> tuple[float | None, float | None, float | None]:
        return _combine(self._ewmac.update(price), [b.update(price) for b in self._breakouts])

    def peek(self, price: float) -> tuple[float | None, float | None, float | None]:
        return _combine(self._ewmac.peek(price), [b.peek(price) for b in self._breakouts])


def _combine(ewmac: float | None, breakouts: list[float | None]) -> tuple[float | None, float | None, float | None]:
    place = mean_of(breakouts)
    return mean_of([ewmac, place]), ewmac, place


def mean_of(values: list[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return sum(present) / len(present) if present else None
