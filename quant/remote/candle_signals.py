"""What candles alone say: volatility, and speed over candles.

Volatility is the signal of `quant.signals.volatility`, the same value for the same bars, measured in one pass. Speed is
its scaled return, over 1, 6 and 24 candles (the steps between its 5, 30 and 120 s), amplified where volume instead of
prints comes faster than usual. A hole of more than three candles begins anew after it. They do not age: who asks about
candles has chosen them.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from quant.features.bars import MAX_GAP_BARS
from quant.features.ew import EwMean, EwMoments, span_decay
from quant.features.scale import ForecastScale
from quant.reading import MIN_OBSERVATIONS, Component, Reading, clip, grown_quality, missing
from quant.remote.question import Candles
from quant.signals.volatility import EWMA_LAMBDA, LONG_SPAN, SHORT_BARS, Z_SPAN

Floats = NDArray[np.float64]

HORIZONS = (1, 6, 24)
FAST_BARS, SLOW_BARS = 5, 60


def candle_readings(candles: Candles) -> dict[Component, Reading]:
    """Readings of the components that closed candles can give."""
    begin = _unbroken_from(candles)
    end = candles.closed
    n = end - begin
    if n < MIN_OBSERVATIONS:
        few = missing(f"{n} of {MIN_OBSERVATIONS} candles", n_obs=n)
        return {Component.SPEED: few, Component.VOLATILITY: few}
    as_of = int(candles.open_ms[end - 1] + candles.length_ms) * 1_000_000
    part = slice(begin, end)
    open_, high, low, close = (column[part] for column in (candles.open, candles.high, candles.low, candles.close))
    return {
        Component.SPEED: _reading(_speed(close, candles.volume[part]), "prices stand still", n, as_of),
        Component.VOLATILITY: _reading(_tilt(open_, high, low, close), "volatility stands still", n, as_of),
    }


def _reading(value: float | None, reason: str, n: int, as_of: int) -> Reading:
    if value is None:
        return missing(reason, as_of=as_of, n_obs=n)
    return Reading(value=value, quality=grown_quality(n), as_of=as_of, n_obs=n)


def _unbroken_from(candles: Candles) -> int:
    """Where the candles begin that follow each other with at most three missing."""
    holes = np.flatnonzero(np.diff(candles.open_ms[: candles.closed]) > (MAX_GAP_BARS + 1) * candles.length_ms)
    return int(holes[-1]) + 1 if len(holes) else 0


def _tilt(open_: Floats, high: Floats, low: Floats, close: Floats) -> float | None:
    """-norm(z(ln sigma_short - ln sigma_long)) at the last candle."""
    long, moments, scale = EwMean(LONG_SPAN), EwMoments(), ForecastScale()
    decay = span_decay(Z_SPAN)
    value = None
    for sigma in yang_zhang_series(open_, high, low, close).tolist():
        value = None
        if sigma <= 0.0:
            continue
        ratio = math.log(sigma / math.sqrt(long.update(sigma**2)))
        z = moments.z(ratio)
        moments.update(ratio, decay)
        if z is not None:
            value = -scale.norm(z)
            scale.observe(z)
    return value


def yang_zhang_series(open_: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Yang-Zhang over the last 20 candles, at each from the 21st on."""
    overnight = np.log(open_[1:] / close[:-1])
    inside = np.log(close[1:] / open_[1:])
    rs = np.log(high / open_) * np.log(high / close) + np.log(low / open_) * np.log(low / close)
    k = 0.34 / (1.34 + (SHORT_BARS + 1) / (SHORT_BARS - 1))
    variance = _variance(overnight) + k * _variance(inside) + (1 - k) * _windows(rs[1:]).mean(axis=1)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)))


def _variance(xs: Floats) -> Floats:
    return np.asarray(_windows(xs).var(axis=1, ddof=1))


def _windows(xs: Floats) -> Floats:
    return sliding_window_view(xs, SHORT_BARS)


def _speed(close: Floats, volume: Floats) -> float | None:
    logs = np.log(close)
    variance = 0.0
    for i, squared in enumerate((np.diff(logs) ** 2).tolist()):
        variance = squared if i == 0 else EWMA_LAMBDA * variance + (1 - EWMA_LAMBDA) * squared
    if variance <= 0.0:
        return None
    scaled = [(logs[-1] - logs[-1 - bars]) / math.sqrt(variance * bars) for bars in HORIZONS]
    return ForecastScale().norm(float(np.mean(scaled))) * _amplifier(volume)


def _amplifier(volume: Floats) -> float:
    """.5 at the usual volume or below, 1 at twice the usual or above."""
    fast, slow = float(volume[-FAST_BARS:].mean()), float(volume[-SLOW_BARS:].mean())
    if fast <= 0.0 or slow <= 0.0:
        return 0.5
    return 0.5 + 0.5 * clip(math.log2(fast / slow), 0.0, 1.0)
