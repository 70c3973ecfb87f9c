"""Rows of features: from the inputs and the indicators, by the same expressions for one bar and for a history.

Nothing in a row remembers more than some 600 bars, so that a bot that begins with a few hundred sees what a model saw
that learned from years: prices are in deviations of their own, and no scale is learned from the whole past.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from marketdata.events import Bar, Timeframe
from quant.features.bars import MAX_GAP_BARS, is_sound, timeframe_ns
from quant.features.liquidity import LiquiditySweep
from quant.features.structure import SmartMoney
from quant.learning.features.base import RETURN_BARS, BaseStream, base_arrays
from quant.learning.features.indicators import IndicatorStream, indicator_arrays
from quant.learning.features.market import MARKET_FEATURES
from quant.learning.history import BarHistory

Floats = NDArray[np.float64]

# Goes up with every change of a definition: models that learned another one are refused.
DEFINITION = 1


def _rows(x: Mapping[str, Floats]) -> dict[str, Floats]:
    """Features by name, (bars,) each, NaN where one is missing. Elementwise only: what joins bars is in `x`."""
    sigma = np.sqrt(x["variance"])
    price_sigma = sigma * x["close"]
    width = x["high"] - x["low"]
    has_volume = x["volume_most_20"] > 0.0
    found = {f"return_{n}": x[f"move_{n}"] / (sigma * math.sqrt(n)) for n in RETURN_BARS}
    for fast, slow in ((8, 32), (16, 64), (32, 128)):
        found[f"ewmac_{fast}_{slow}"] = (x[f"ema_{fast}"] - x[f"ema_{slow}"]) / price_sigma
    for n in (20, 80):
        top, low = x[f"top_{n}"], x[f"low_{n}"]
        found[f"breakout_{n}"] = 2.0 * (x["close"] - (top + low) / 2.0) / (top - low)
    found["macd"] = x["macd"] / price_sigma
    found["macd_histogram"] = x["macd_hist"] / price_sigma
    found["slope_48"] = x["slope_48"] / price_sigma
    found["roc_10"] = x["roc_10"] / 100.0
    found["efficiency"] = np.where(x["top_20"] > x["low_20"], x["er_20"], np.nan)
    found["rsi_14"] = np.where(sigma > 0.0, x["rsi_14"], np.nan) / 100.0
    found["bollinger_z"] = (x["close"] - x["mean_20"]) / x["deviation_20"]
    found["bollinger_width"] = x["deviation_20"] / x["mean_20"]
    found["stochastic_k"] = x["stoch_k"] / 100.0
    found["stochastic_d"] = x["stoch_d"] / 100.0
    found["cci_20"] = x["cci_20"] / 100.0
    found["williams_r"] = x["willr_14"] / 100.0
    found["mfi_14"] = np.where(has_volume, x["mfi_14"], np.nan) / 100.0
    found["adx_14"] = x["adx_14"] / 100.0
    found["directional_gap"] = (x["plus_di"] - x["minus_di"]) / 100.0
    found["atr_share"] = x["atr_14"] / x["close"]
    found["volatility"] = x["sigma"]
    found["volatility_rank"] = x["vol_rank"] / 100.0
    found["volatility_of_volatility"] = x["vol_of_vol"]
    found["volatility_ratio"] = x["log_sigma"] - 0.5 * np.log(x["variance_200"])
    found["obv_slope"] = np.where(has_volume, x["moved_20"] / x["volume_20"], np.nan)
    found["chaikin_flow"] = np.where(has_volume, x["cmf_20"], np.nan)
    found["taker_flow"] = np.where(has_volume & (x["known_bars"] >= 20.0), x["taken_20"] / x["known_20"], np.nan)
    found["vwap_z"] = x["vwap_distance"]
    found["volume_z"] = (x["volume"] - x["volume_mean"]) / x["volume_deviation"]
    found["sweep"] = x["sweep"]
    found["break_of_structure"] = x["break_of_structure"]
    found["fair_value_gap"] = x["fair_value_gap"]
    found["close_place"] = (2.0 * x["close"] - x["high"] - x["low"]) / width
    found["range_share"] = width / x["atr_14"]
    found["hour_sin"] = x["hour_sin"]
    found["hour_cos"] = x["hour_cos"]
    return found


class _Levels:
    """Sweeps, breaks and gaps, which remember single prices and cannot be taken out of columns."""

    def __init__(self) -> None:
        self._sweep, self._smart = LiquiditySweep(), SmartMoney()

    def update(self, high: float, low: float, close: float, atr: float) -> tuple[float, float, float]:
        known = None if atr != atr else atr
        swept = self._sweep.update(high, low, close, known)
        smart = self._smart.update(high, low, close, known)
        return _number(swept), _number(smart.broken), _number(smart.gap)


def _number(x: float | None) -> float:
    return math.nan if x is None else x


_LEVELS = ("sweep", "break_of_structure", "fair_value_gap")


def _matrix(x: Mapping[str, Floats]) -> Floats:
    with np.errstate(all="ignore"):
        columns = np.column_stack(tuple(_rows(x).values()))
    columns[~np.isfinite(columns)] = np.nan
    return columns


def _names() -> tuple[str, ...]:
    base, indicators = BaseStream(), IndicatorStream()
    base.update(Bar(exchange="", symbol="", timeframe="1m", ts_open=0, ts_close=1, open=1.0, high=1.0, low=1.0,
                    close=1.0, volume=0.0, taker_buy_volume=None, trades=0))  # fmt: skip
    known = {**base.values, **indicators.values, **dict.fromkeys(_LEVELS, math.nan)}
    with np.errstate(all="ignore"):
        return tuple(_rows({name: np.array([value]) for name, value in known.items()}))


BAR_FEATURES: tuple[str, ...] = _names()
FEATURES: tuple[str, ...] = BAR_FEATURES + MARKET_FEATURES
SCHEMA_HASH: str = hashlib.sha256(json.dumps([DEFINITION, FEATURES]).encode()).hexdigest()
_NO_MARKET = np.full(len(MARKET_FEATURES), np.nan)


class FeatureBuilder:
    """Rows of one instrument and timeframe, bar by bar. Bars that cannot be believed are left out, as signals do."""

    def __init__(self, timeframe: Timeframe) -> None:
        self._length_ns = timeframe_ns(timeframe)
        self._timeframe = timeframe
        self.last_open_ns: int | None = None
        self._begin()

    def _begin(self) -> None:
        self._base, self._indicators, self._levels = BaseStream(), IndicatorStream(), _Levels()
        self._bars = np.full(len(BAR_FEATURES), np.nan)
        self._is_current = True
        self._broken: tuple[float, float, float] = (math.nan,) * 3
        self.n_bars = 0

    def update(self, bar: Bar) -> bool:
        """Take a closed bar. False when it was left out: unsound, or not newer than the last."""
        if not is_sound(bar) or (self.last_open_ns is not None and bar.ts_open <= self.last_open_ns):
            return False
        if self.last_open_ns is not None and bar.ts_open - self.last_open_ns > (MAX_GAP_BARS + 1) * self._length_ns:
            self._begin()
        self.last_open_ns = bar.ts_open
        self.n_bars += 1
        self._base.update(bar)
        base = self._base.values
        self._indicators.update(base)
        atr = self._indicators.values["atr_14"]
        self._broken = self._levels.update(base["high"], base["low"], base["close"], atr)
        self._is_current = False
        return True

    def row(self, market: Sequence[float | None] | None = None) -> Floats:
        """(features,): the newest bar's, and `market` in the order of MARKET_FEATURES. Raises ValueError on its length."""
        if not self._is_current:
            known = {**self._base.values, **self._indicators.values, **dict(zip(_LEVELS, self._broken, strict=True))}
            self._bars = _matrix({name: np.array([value]) for name, value in known.items()})[0]
            self._is_current = True
        return np.concatenate((self._bars, _checked(market)))


def feature_arrays(bars: BarHistory, timeframe: Timeframe, market: Floats | None = None) -> Floats:
    """(bars, features) of sound bars, oldest first, as `FeatureBuilder` says them; `market` is (bars, market features).

    Raises ValueError where `market` has another shape.
    """
    parts = [_segment(bars.part(place)) for place in bars.segments(timeframe_ns(timeframe))]
    found = np.concatenate(parts) if parts else np.empty((0, len(BAR_FEATURES)))
    beside = np.full((len(bars), len(MARKET_FEATURES)), np.nan) if market is None else market
    if beside.shape != (len(bars), len(MARKET_FEATURES)):
        raise ValueError(f"market is {beside.shape}, must be {(len(bars), len(MARKET_FEATURES))}")
    return np.hstack((found, beside))


def _segment(bars: BarHistory) -> Floats:
    base = base_arrays(bars)
    indicators = indicator_arrays(base)
    levels = _Levels()
    columns = (base["high"], base["low"], base["close"], indicators["atr_14"])
    rows = [levels.update(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    broken = np.array(rows, dtype=np.float64)
    return _matrix({**base, **indicators, **{name: broken[:, i] for i, name in enumerate(_LEVELS)}})


def _checked(market: Sequence[float | None] | None) -> Floats:
    if market is None:
        return _NO_MARKET
    if len(market) != len(MARKET_FEATURES):
        raise ValueError(f"{len(market)} market features, must be {len(MARKET_FEATURES)}: {', '.join(MARKET_FEATURES)}")
    return np.array([math.nan if x is None else x for x in market], dtype=np.float64)
