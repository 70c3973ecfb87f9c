"""What the bars of one timeframe say: trend, momentum, mean reversion, volume, liquidity and smart money.

Trend is heard more the more directed the market is, mean reversion less. The switch is ADX14 (Wilder 1978):
g = clip((ADX - 20)/10, 0, 1); trend*(.5 + .5g), mean reversion*(1 - g). A strategy that fails is left out by itself: the
others share its weight, and the reading's reason tells of it.
"""

from functools import partial
from typing import Any

from msgspec import structs
from talib import stream

from marketdata.events import Bar, Timeframe
from quant.features.bars import (
    ADX_BARS,
    ATR_BARS,
    MAX_GAP_BARS,
    FormingBar,
    is_sound,
    price_scale,
    timeframe_ns,
)
from quant.features.indicator import Indicator
from quant.features.liquidity import LiquiditySweep
from quant.features.mean_reversion import MeanReversion
from quant.features.momentum import Momentum, look_backs
from quant.features.structure import SmartMoney, SmartMoneyScore
from quant.features.trend import Trend
from quant.features.volume import NO_VOLUME, Volume, VolumeScore
from quant.guarded import Guarded
from quant.reading import MIN_OBSERVATIONS, Phase, Reading, clip, grown_quality, missing, weighted_mean
from quant.strategies import STRATEGY_WEIGHTS

Triple = tuple[float | None, float | None, float | None]
NO_TRIPLE: Triple = (None, None, None)
NO_SMART_MONEY = SmartMoneyScore(None, None, None, 0.0)


class Technical:
    """Technical reading of one timeframe: of closed bars, and as if the forming bar closed now.

    `phase` is the kind of market that the volume rule may assume; whoever knows the regime sets it.
    """

    def __init__(self, timeframe: Timeframe) -> None:
        self.timeframe = timeframe
        self.phase = Phase.NEUTRAL
        self._length_ns = timeframe_ns(timeframe)
        self.last_open_ns: int | None = None
        self._reset()

    def _reset(self) -> None:
        spans = look_backs(self.timeframe)
        self._trend = Guarded[Triple]("trend", Trend, NO_TRIPLE)
        self._momentum = Guarded[float | None]("momentum", lambda: Momentum(spans), None)
        self._mean_reversion = Guarded[Triple]("mean reversion", MeanReversion, NO_TRIPLE)
        self._volume = Guarded[VolumeScore]("volume", Volume, NO_VOLUME)
        self._liquidity = Guarded[float | None]("liquidity", LiquiditySweep, None)
        self._smart_money = Guarded[SmartMoneyScore]("smart money", SmartMoney, NO_SMART_MONEY)
        self._guarded: tuple[Guarded[Any], ...] = (
            self._trend, self._momentum, self._mean_reversion, self._volume, self._liquidity, self._smart_money
        )  # fmt: skip
        self._adx = Indicator(partial(stream.ADX, timeperiod=ADX_BARS), inputs=3)
        self._atr = Indicator(partial(stream.ATR, timeperiod=ATR_BARS), inputs=3)
        self._scale: float | None = None
        self._as_of = 0
        self.n_bars = 0
        self.reading = missing(_too_few(0))
        self._peeked: tuple[int, Phase, Reading] | None = None

    def update(self, bar: Bar) -> bool:
        """Take a closed bar. False when it was left out: unsound, or not newer than the last."""
        if not is_sound(bar) or (self.last_open_ns is not None and bar.ts_open <= self.last_open_ns):
            return False
        if self.last_open_ns is not None and bar.ts_open - self.last_open_ns > (MAX_GAP_BARS + 1) * self._length_ns:
            self._reset()
        self.last_open_ns = bar.ts_open
        if self._scale is None:
            self._scale = price_scale(bar.close)
        high, low, close = bar.high * self._scale, bar.low * self._scale, bar.close * self._scale
        self._adx.update(high, low, close)
        self._atr.update(high, low, close)
        atr = self._atr.value
        self.n_bars += 1
        self._as_of = bar.ts_close
        self.reading = self._read(
            trend=self._trend.update(close),
            momentum=self._momentum.update(close),
            reversion=self._mean_reversion.update(close),
            volume=self._volume.update(bar.ts_open, high, low, close, bar.volume, bar.taker_buy_volume, self.phase),
            liquidity=self._liquidity.update(high, low, close, atr),
            smart=self._smart_money.update(high, low, close, atr),
            adx=self._adx.value,
        )
        self._peeked = None
        return True

    def peek(self, forming: FormingBar) -> Reading:
        """The reading with the forming bar as the newest; that of the closed bars where none is forming."""
        last = self.last_open_ns
        if last is None or self._scale is None or forming.ts_open <= last:
            return self.reading
        if self._peeked is None or self._peeked[:2] != (forming.version, self.phase):
            self._peeked = (forming.version, self.phase, self._peek(forming, last, self._scale))
        reading = self._peeked[2]
        if reading.as_of < forming.ts:
            # Nothing new to calculate, but it is fresher.
            reading = structs.replace(reading, as_of=forming.ts)
            self._peeked = (forming.version, self.phase, reading)
        return reading

    def _peek(self, forming: FormingBar, last: int, scale: float) -> Reading:
        if forming.ts_open - last > (MAX_GAP_BARS + 1) * self._length_ns:
            return missing(f"more than {MAX_GAP_BARS} bars are missing", as_of=self._as_of, n_obs=self.n_bars)
        high, low, close = forming.high * scale, forming.low * scale, forming.close * scale
        atr = self._atr.peek(high, low, close)
        return self._read(
            trend=self._trend.peek(close),
            momentum=self._momentum.peek(close),
            reversion=self._mean_reversion.peek(close),
            volume=self._volume.peek(forming.ts_open, high, low, close, forming.volume, forming.taker_buy, self.phase),
            liquidity=self._liquidity.peek(high, low, close, atr),
            smart=self._smart_money.peek(close, atr),
            adx=self._adx.peek(high, low, close),
        )

    def _read(
        self,
        *,
        trend: Triple,
        momentum: float | None,
        reversion: Triple,
        volume: VolumeScore,
        liquidity: float | None,
        smart: SmartMoneyScore,
        adx: float | None,
    ) -> Reading:
        if self.n_bars < MIN_OBSERVATIONS:
            return missing(_too_few(self.n_bars), as_of=self._as_of, n_obs=self.n_bars)
        directed = clip(((0.0 if adx is None else adx) - 20.0) / 10.0, 0.0, 1.0)
        parts = {
            "trend": None if trend[0] is None else trend[0] * (0.5 + 0.5 * directed),
            "momentum": momentum,
            "mean_reversion": None if reversion[0] is None else reversion[0] * (1.0 - directed),
            "volume": volume.score,
            "liquidity": liquidity,
            "smart_money": smart.score,
            "ewmac": trend[1],
            "breakout": trend[2],
            "band_distance": reversion[1],
            "rsi": reversion[2],
            "adx": adx,
            "flow": volume.flow,
            "cmf": volume.cmf,
            "vwap_distance": volume.distance,
            "break_of_structure": smart.broken,
            "fair_value_gap": smart.gap,
            "change_of_character": smart.changed,
        }
        value = weighted_mean(parts, STRATEGY_WEIGHTS)
        left_out = "; ".join(strategy.reason for strategy in self._guarded if strategy.reason)
        if value is None:
            return missing(left_out or "prices stand still", as_of=self._as_of, n_obs=self.n_bars, parts=parts)
        return Reading(
            value=value, quality=grown_quality(self.n_bars), as_of=self._as_of, n_obs=self.n_bars, parts=parts,
            reason=left_out,
        )  # fmt: skip


def _too_few(bars: int) -> str:
    return f"Insufficient live data: {bars} of {MIN_OBSERVATIONS} bars"
