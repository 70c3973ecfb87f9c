"""Volume: who crossed the spread, where bars close within their range, and the distance from the day's average price.

½ flow + ¼ CMF + ¼ VWAP rule. Flow is EW20(2·taker bought - volume)/EW20(volume); where a venue does not tell who crossed
the spread, EW20 of the change of on-balance volume stands in. VWAP pulls back in a range (-norm(d)), and confirms a
trend (+½norm(d)); while the market is neither it says nothing. Sources: Granville (1963); Chaikin; CMF of TA-Lib.
"""

from functools import partial
from typing import NamedTuple, TypeGuard

from talib import stream

from quant.features.ew import EwRatio
from quant.features.indicator import Indicator
from quant.features.scale import ForecastScale
from quant.features.vwap import SessionVwap
from quant.reading import Phase, clip, weighted_mean

SPAN = 20
PART_WEIGHTS = {"flow": 0.50, "cmf": 0.25, "vwap": 0.25}


class VolumeScore(NamedTuple):
    """All None where there was no volume. flow, cmf in [-1, 1]; distance in deviations."""

    score: float | None
    flow: float | None
    cmf: float | None
    distance: float | None


NO_VOLUME = VolumeScore(None, None, None, None)


def _is_known(taker_buy: float | None, volume: float) -> TypeGuard[float]:
    return taker_buy is not None and 0.0 <= taker_buy <= volume


class Volume:
    """Volume's score bar by bar; counts the bars in a row without volume, without a move and without a range."""

    def __init__(self) -> None:
        self._taker = EwRatio(SPAN)
        self._taker_bars = 0
        self._balance = EwRatio(SPAN)
        self._cmf = Indicator(partial(stream.CMF, timeperiod=SPAN), inputs=4)
        self._vwap = SessionVwap()
        self._scale = ForecastScale()
        self._close: float | None = None
        self._bars = 0
        self._quiet = self._still = self._flat = 0

    def update(
        self,
        ts_open: int,
        high: float,
        low: float,
        close: float,
        volume: float,
        taker_buy: float | None,
        phase: Phase,
    ) -> VolumeScore:
        moved = self._moved(close)
        self._bars += 1
        self._quiet = 0 if volume > 0.0 else self._quiet + 1
        self._still = 0 if moved else self._still + 1
        self._flat = 0 if high > low else self._flat + 1
        self._balance.update(moved * volume, volume)
        if _is_known(taker_buy, volume):
            self._taker.update(2.0 * taker_buy - volume, volume)
            self._taker_bars += 1
        else:
            self._taker_bars = 0
        self._cmf.update(high, low, close, volume)
        self._close = close
        distance = self._vwap.update(ts_open, high, low, close, volume)
        result = self._result(self._taker.value, self._balance.value, self._cmf.value, distance, phase)
        if distance is not None:
            self._scale.observe(distance)
        return result

    def peek(
        self,
        ts_open: int,
        high: float,
        low: float,
        close: float,
        volume: float,
        taker_buy: float | None,
        phase: Phase,
    ) -> VolumeScore:
        return self._result(
            self._taker.peek(2.0 * taker_buy - volume, volume) if _is_known(taker_buy, volume) else self._taker.value,
            self._balance.peek(self._moved(close) * volume, volume),
            self._cmf.peek(high, low, close, volume),
            self._vwap.peek(ts_open, high, low, close, volume),
            phase,
        )

    def _moved(self, close: float) -> float:
        if self._close is None or close == self._close:
            return 0.0
        return 1.0 if close > self._close else -1.0

    def _result(
        self, taker: float | None, balance: float | None, cmf: float | None, distance: float | None, phase: Phase
    ) -> VolumeScore:
        if self._bars < SPAN or self._quiet >= SPAN:
            return NO_VOLUME
        if self._taker_bars >= SPAN:
            flow = taker
        else:
            flow = None if self._still >= SPAN else balance
        inside = None if cmf is None or self._flat >= SPAN else clip(cmf, -1.0, 1.0)
        parts = {
            "flow": None if flow is None else clip(flow, -1.0, 1.0),
            "cmf": inside,
            "vwap": None if distance is None else self._rule(distance, phase),
        }
        return VolumeScore(weighted_mean(parts, PART_WEIGHTS), parts["flow"], inside, distance)

    def _rule(self, distance: float, phase: Phase) -> float | None:
        if phase is Phase.NEUTRAL:
            return None
        normed = self._scale.norm(distance)
        return -normed if phase is Phase.RANGE else 0.5 * normed
