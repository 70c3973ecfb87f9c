"""What every feature is made from: the inputs of one bar, for one bar or for all.

Logarithms are taken one by one by the same function in both, so that both have the same bits.
"""

import math
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from marketdata.events import Bar
from quant.features.bars import price_scale
from quant.features.vwap import SessionVwap
from quant.learning.features.yang_zhang import YangZhangStream, yang_zhang_array
from quant.learning.history import BarHistory

Floats = NDArray[np.float64]

RETURN_BARS = (1, 3, 12, 48, 288)
# Below any deviation of a market that moves.
LEAST_SIGMA = 1e-8
_DAY_S = 86_400
_ANGLE = 2.0 * math.pi / _DAY_S

# Inputs that there are from the second bar on, and those that wait for a full window of Yang-Zhang.
FROM_SECOND = frozenset({"r_squared", "moved_volume"})
FROM_WINDOW = frozenset({"log_sigma", "sigma_squared"})


class BaseStream:
    """Inputs bar by bar. `values` holds those that there are; missing ones are NaN."""

    def __init__(self) -> None:
        self._scale: float | None = None
        self._volume_scale = 1.0
        self._has_volume = False
        self._close: float | None = None
        self._logs: deque[float] = deque(maxlen=max(RETURN_BARS) + 1)
        self._yang_zhang = YangZhangStream()
        self._vwap = SessionVwap()
        self._known = 0
        self.values: dict[str, float] = {}

    def update(self, bar: Bar) -> None:
        if self._scale is None:
            self._scale = price_scale(bar.close)
        if not self._has_volume and bar.volume > 0.0:
            self._has_volume, self._volume_scale = True, price_scale(bar.volume)
        scale, volume = self._scale, bar.volume * self._volume_scale
        open_, high, low, close = bar.open * scale, bar.high * scale, bar.low * scale, bar.close * scale
        log_close = math.log(close)
        self._logs.append(log_close)
        r = math.nan if self._close is None else log_close - self._logs[-2]
        sign = 0.0 if self._close is None else float((close > self._close) - (close < self._close))
        taker = bar.taker_buy_volume
        is_known = taker is not None and 0.0 <= taker <= bar.volume
        self._known = self._known + 1 if is_known else 0
        sigma = self._yang_zhang.update(open_, high, low, close)
        distance = self._vwap.update(bar.ts_open, high, low, close, bar.volume)
        self._close = close
        second = bar.ts_open // 1_000_000_000 % _DAY_S
        self.values = {
            "open": open_,
            "high": high,
            "low": low,
            "close": close,
            "volume": volume,
            "r_squared": r * r,
            "moved_volume": math.nan if r != r else sign * volume,
            "taken": 2.0 * (taker or 0.0) * self._volume_scale - volume if is_known else 0.0,
            "known_volume": volume if is_known else 0.0,
            "known_bars": float(self._known),
            "sigma_squared": sigma * sigma,
            "log_sigma": math.nan if sigma != sigma else math.log(max(sigma, LEAST_SIGMA)),
            "sigma": sigma,
            "vwap_distance": math.nan if distance is None else distance,
            "hour_sin": math.sin(second * _ANGLE),
            "hour_cos": math.cos(second * _ANGLE),
            **{f"move_{n}": self._move(n, log_close) for n in RETURN_BARS},
        }

    def _move(self, bars: int, log_close: float) -> float:
        return log_close - self._logs[-1 - bars] if len(self._logs) > bars else math.nan


def base_arrays(bars: BarHistory) -> dict[str, Floats]:
    """The same over one segment of sound bars, (bars,) each."""
    scale = price_scale(float(bars.close[0]))
    traded = bars.volume[bars.volume > 0.0]
    volume_scale = price_scale(float(traded[0])) if len(traded) else 1.0
    open_, high, low, close = bars.open * scale, bars.high * scale, bars.low * scale, bars.close * scale
    volume = bars.volume * volume_scale
    n = len(bars)
    log_close = _each(math.log, close.tolist())
    r = _after(1, log_close[1:] - log_close[:-1], n)
    with np.errstate(invalid="ignore"):
        known = (bars.taker_buy >= 0.0) & (bars.taker_buy <= bars.volume)
    taken = np.where(known, 2.0 * np.where(known, bars.taker_buy, 0.0) * volume_scale - volume, 0.0)
    sigma = yang_zhang_array(open_, high, low, close)
    vwap = SessionVwap()
    columns = (bars.ts_open.tolist(), high.tolist(), low.tolist(), close.tolist(), bars.volume.tolist())
    distance = np.array([vwap.update(*row) for row in zip(*columns, strict=True)], dtype=np.float64)
    second = bars.ts_open // 1_000_000_000 % _DAY_S
    return {
        "open": open_,
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
        "r_squared": r * r,
        "moved_volume": _after(1, np.sign(close[1:] - close[:-1]) * volume[1:], n),
        "taken": taken,
        "known_volume": np.where(known, volume, 0.0),
        "known_bars": _run_lengths(known),
        "sigma_squared": sigma * sigma,
        "log_sigma": np.where(np.isfinite(sigma), _each(math.log, np.fmax(sigma, LEAST_SIGMA).tolist()), np.nan),
        "sigma": sigma,
        "vwap_distance": distance,
        "hour_sin": _each(math.sin, (second * _ANGLE).tolist()),
        "hour_cos": _each(math.cos, (second * _ANGLE).tolist()),
        **{f"move_{bars_}": _after(bars_, log_close[bars_:] - log_close[:-bars_], n) for bars_ in RETURN_BARS},
    }


def _each(function: Callable[[float], float], xs: list[float]) -> Floats:
    return np.fromiter(map(function, xs), dtype=np.float64, count=len(xs))


def _after(lag: int, xs: Floats, n: int) -> Floats:
    result = np.full(n, np.nan)
    result[lag:] = xs
    return result


def _run_lengths(known: NDArray[np.bool_]) -> Floats:
    """How many in a row up to each place."""
    place = np.arange(1, len(known) + 1)
    return (place - np.maximum.accumulate(np.where(known, 0, place))).astype(np.float64)
