"""Features of bars over whole histories, for training and evidence: what the streaming forms say, bar by bar.

Columns are (bars,) float64, oldest first, of one timeframe without a hole of more than three bars, prices above zero with
low <= open, close <= high; `ts_open` is (bars,) int64 in nanoseconds. Results are (bars,), NaN where there is none.
TA-Lib's array functions give the bits of its handles; what is ours and recursive runs through the streaming form itself.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np
import talib
from msgspec import Struct
from numpy.typing import NDArray

from marketdata.events import Timeframe
from quant.features.bars import ADX_BARS, ATR_BARS, price_scale
from quant.features.liquidity import LiquiditySweep
from quant.features.mean_reversion import BAND_BARS, RSI_BARS
from quant.features.momentum import LOOK_BACKS, look_backs
from quant.features.scale import LEARNED_AFTER, NORMAL_SCALAR
from quant.features.structure import SmartMoney
from quant.features.trend import BREAKOUT_BARS, EWMAC_MULTIPLIER, EWMAC_SCALARS, PriceVolatility
from quant.features.volume import Volume
from quant.reading import Phase

Floats = NDArray[np.float64]


class BarColumns(Struct, frozen=True, kw_only=True):
    """A history. `taker_buy` is NaN where it is not known who crossed the spread."""

    ts_open: NDArray[np.int64]
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    taker_buy: Floats


def technical_arrays(bars: BarColumns, timeframe: Timeframe = "1m") -> dict[str, Floats]:
    """The parts of technical that the closed bars give, by their names, before the switch by ADX."""
    if len(bars.close) == 0:
        return {}
    scale = price_scale(float(bars.close[0]))
    high, low, close = bars.high * scale, bars.low * scale, bars.close * scale
    atr = talib.ATR(high, low, close, timeperiod=ATR_BARS)
    sigma = _run(PriceVolatility().update, close.tolist())
    ewmac, breakout = ewmac_array(close, sigma), breakout_array(close)
    fade, distance, rsi = reversion_arrays(close)
    return {
        "trend": nanmean([ewmac, breakout]),
        "momentum": momentum_array(close, sigma, look_backs(timeframe)),
        "mean_reversion": fade,
        **_volume(bars, high, low, close),
        **_levels(high, low, close, atr),
        "ewmac": ewmac,
        "breakout": breakout,
        "band_distance": distance,
        "rsi": rsi,
        "adx": talib.ADX(high, low, close, timeperiod=ADX_BARS),
    }


def learned(raw: Floats, prior: float = NORMAL_SCALAR) -> Floats:
    """clip(k·x, ±20)/20 with k as `ForecastScale` has it: of what was known before each value."""
    counted = np.isfinite(raw) & (raw != 0.0)
    seen = np.concatenate(([0], np.cumsum(counted)[:-1]))
    total = np.concatenate(([0.0], np.cumsum(np.where(counted, np.abs(raw), 0.0))[:-1]))
    is_learned = seen >= LEARNED_AFTER
    k = np.where(is_learned, 10.0 * seen / np.where(is_learned, total, 1.0), prior)
    return np.clip(k * raw / 20.0, -1.0, 1.0)


def ewmac_array(close: Floats, sigma: Floats) -> Floats:
    """Moving-average crossovers in units of `sigma`, mean of the pairs whose look-back fits, in [-1, 1]."""
    averages = {span: talib.EMA(close, timeperiod=span) for pair in EWMAC_SCALARS for span in pair}
    pairs = [learned((averages[fast] - averages[slow]) / sigma, prior) for (fast, slow), prior in EWMAC_SCALARS.items()]
    return np.clip(EWMAC_MULTIPLIER * nanmean(pairs), -1.0, 1.0)


def breakout_array(close: Floats) -> Floats:
    """Place within the highest and lowest of the last N, smoothed, mean over N, in [-1, 1]."""
    places = []
    for bars in BREAKOUT_BARS:
        high, low = talib.MAX(close, timeperiod=bars), talib.MIN(close, timeperiod=bars)
        wide = high > low
        raw = 2.0 * (close - (high + low) / 2.0) / np.where(wide, high - low, 1.0)
        places.append(_smoothed(np.where(wide, np.clip(raw, -1.0, 1.0), np.nan), 2.0 / (bars / 4.0 + 1.0)))
    return nanmean(places)


def momentum_array(close: Floats, sigma: Floats, over: tuple[int, ...] = LOOK_BACKS) -> Floats:
    """Mean over the look-backs L of norm(change over L / (sigma·√L)), in [-1, 1]."""
    scores = []
    for bars in over:
        raw = np.full(len(close), np.nan)
        if len(close) > bars:
            raw[bars:] = (close[bars:] - close[:-bars]) / (sigma[bars:] * math.sqrt(bars))
        scores.append(learned(raw))
    return nanmean(scores)


def reversion_arrays(close: Floats) -> tuple[Floats, Floats, Floats]:
    """(score in [-1, 1], distance from the 20-bar average in deviations, RSI)."""
    mean = talib.SMA(close, timeperiod=BAND_BARS)
    deviation = talib.STDDEV(close, timeperiod=BAND_BARS, nbdev=1.0)
    rsi = talib.RSI(close, timeperiod=RSI_BARS)
    known = (deviation > 0.0) & np.isfinite(rsi)
    distance = np.where(known, (close - mean) / np.where(known, deviation, 1.0), np.nan)
    fade = np.where(np.abs(distance) > 1.0, -learned(distance), 0.0)
    stretch = np.clip(2.0 * (50.0 - rsi) / 50.0, -1.0, 1.0)
    return np.where(known, 0.5 * fade + 0.5 * stretch, np.nan), distance, np.where(known, rsi, np.nan)


def nanmean(columns: Iterable[Floats]) -> Floats:
    """Mean of those that are there, bar by bar; NaN where none is."""
    stacked = np.array(list(columns))
    there = np.isfinite(stacked)
    count = there.sum(axis=0)
    total = np.where(there, stacked, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _volume(bars: BarColumns, high: Floats, low: Floats, close: Floats) -> dict[str, Floats]:
    volume = Volume()
    takers = [None if math.isnan(x) else x for x in bars.taker_buy.tolist()]
    rows = [
        volume.update(ts_open, h, l, c, v, taker, Phase.NEUTRAL)
        for ts_open, h, l, c, v, taker in zip(  # noqa: E741
            bars.ts_open.tolist(),
            high.tolist(),
            low.tolist(),
            close.tolist(),
            bars.volume.tolist(),
            takers,
            strict=True,
        )
    ]
    names = ("volume", "flow", "cmf", "vwap_distance")
    return {name: _floats([row[i] for row in rows]) for i, name in enumerate(names)}


def _levels(high: Floats, low: Floats, close: Floats, atr: Floats) -> dict[str, Floats]:
    sweep, smart = LiquiditySweep(), SmartMoney()
    swept, scores = [], []
    for h, l, c, a in zip(high.tolist(), low.tolist(), close.tolist(), atr.tolist(), strict=True):  # noqa: E741
        known = None if math.isnan(a) else a
        swept.append(sweep.update(h, l, c, known))
        scores.append(smart.update(h, l, c, known))
    return {
        "liquidity": _floats(swept),
        "smart_money": _floats([score.score for score in scores]),
        "break_of_structure": _floats([score.broken for score in scores]),
        "fair_value_gap": _floats([score.gap for score in scores]),
    }


def _run(update: Callable[[float], float | None], xs: list[float]) -> Floats:
    return _floats([update(x) for x in xs])


def _floats(values: list[float | None]) -> Floats:
    return np.array(values, dtype=np.float64)


def _smoothed(raw: Floats, alpha: float) -> Floats:
    """Recursive mean that begins with the first value and stands while there is none."""
    result, mean = [], math.nan
    for x in raw.tolist():
        if x == x:
            mean = x if mean != mean else mean + alpha * (x - mean)
            result.append(mean)
        else:
            result.append(math.nan)
    return np.array(result, dtype=np.float64)
