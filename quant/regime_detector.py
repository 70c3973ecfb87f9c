"""Tell the regime of one timeframe from its closed bars.

T = mean of the 500-bar percentile ranks of the efficiency ratio (20 bars) and ADX14. A trend begins above .65 and ends
below .5; a range begins below .35 and ends above .5; a phase lasts at least five bars.
"""

from functools import partial

from talib import stream

from marketdata.events import Bar, Timeframe
from quant.features.bars import ADX_BARS, MAX_GAP_BARS, is_sound, price_scale, timeframe_ns
from quant.features.efficiency import EfficiencyRatio
from quant.features.indicator import Indicator
from quant.features.ranges import YangZhang
from quant.features.rolling import RollingQuantile
from quant.reading import Phase, grown_quality
from quant.regime import MIN_BARS, UNKNOWN, RegimeState, VolatilityState

EFFICIENCY_BARS = VOLATILITY_BARS = 20
RANK_BARS = 500
RANK_DIGITS = 12
DIRECTION_SPANS = (16, 64)
MIN_DWELL_BARS = 5

ENTER_TREND, ENTER_RANGE, MIDDLE = 0.65, 0.35, 0.5
LOW_VOLATILITY, HIGH_VOLATILITY, EXTREME_VOLATILITY = 0.25, 0.75, 0.95


class RegimeDetector:
    """The regime of one timeframe, bar by bar, O(log n). Equal bars give equal states, whoever feeds them."""

    def __init__(self, timeframe: Timeframe) -> None:
        self.timeframe = timeframe
        self._length_ns = timeframe_ns(timeframe)
        self._last_open_ns: int | None = None
        self._reset()

    def _reset(self) -> None:
        self._efficiency = EfficiencyRatio(EFFICIENCY_BARS)
        self._adx = Indicator(partial(stream.ADX, timeperiod=ADX_BARS), inputs=3)
        self._averages = tuple(Indicator(partial(stream.EMA, timeperiod=span)) for span in DIRECTION_SPANS)
        self._volatility = YangZhang(VOLATILITY_BARS)
        self._efficiencies, self._strengths, self._volatilities = (RollingQuantile(RANK_BARS) for _ in range(3))
        self._scale: float | None = None
        self._dwelt = MIN_DWELL_BARS
        self.state = UNKNOWN

    def update(self, bar: Bar) -> None:
        """Take a closed bar. One that is forming, unsound, or not newer than the last is left out."""
        if not bar.closed or not is_sound(bar) or bar.timeframe != self.timeframe:
            return
        if self._last_open_ns is not None:
            if bar.ts_open <= self._last_open_ns:
                return
            if bar.ts_open - self._last_open_ns > (MAX_GAP_BARS + 1) * self._length_ns:
                self._reset()
        self._last_open_ns = bar.ts_open
        if self._scale is None:
            self._scale = price_scale(bar.close)
        high, low, close = bar.high * self._scale, bar.low * self._scale, bar.close * self._scale
        self._adx.update(high, low, close)
        for average in self._averages:
            average.update(close)
        ranks = (
            _ranked(self._efficiencies, self._efficiency.update(close)),
            _ranked(self._strengths, self._adx.value),
        )
        wildness = _ranked(self._volatilities, self._volatility.update(bar.open, bar.high, bar.low, bar.close) or None)
        score = None if ranks[0] is None or ranks[1] is None else (ranks[0] + ranks[1]) / 2.0
        self.state = self._next(bar.ts_close, self.state.n_obs + 1, score, wildness)

    def _next(self, ts_ns: int, n_obs: int, score: float | None, wildness: float | None) -> RegimeState:
        before = self.state
        if n_obs < MIN_BARS:
            return RegimeState(
                phase=Phase.NEUTRAL,
                direction=self._direction(),
                volatility=VolatilityState.NORMAL,
                quality=0.0,
                n_obs=n_obs,
                score=None,
                since_ns=0,
            )
        self._dwelt += 1
        phase, since_ns = before.phase, before.since_ns
        wanted = next_phase(phase, score)
        if since_ns == 0 or (wanted is not phase and self._dwelt >= MIN_DWELL_BARS):
            phase, since_ns, self._dwelt = wanted, ts_ns, 0
        return RegimeState(
            phase=phase,
            direction=self._direction(),
            volatility=volatility_state(wildness),
            quality=grown_quality(n_obs),
            n_obs=n_obs,
            score=score,
            since_ns=since_ns,
        )

    def _direction(self) -> float:
        fast, slow = (average.value for average in self._averages)
        if fast is None or slow is None or fast == slow:
            return 0.0
        return 1.0 if fast > slow else -1.0


def next_phase(phase: Phase, score: float | None) -> Phase:
    """The phase that T asks for, given the one that stands; neutral where T is unknown."""
    if score is None:
        return Phase.NEUTRAL
    if score > ENTER_TREND or (phase is Phase.TREND and score >= MIDDLE):
        return Phase.TREND
    if score < ENTER_RANGE or (phase is Phase.RANGE and score <= MIDDLE):
        return Phase.RANGE
    return Phase.NEUTRAL


def volatility_state(percentile: float | None) -> VolatilityState:
    """Below .25 low, above .75 high, above .95 extreme; normal where it is unknown."""
    if percentile is None or LOW_VOLATILITY <= percentile <= HIGH_VOLATILITY:
        return VolatilityState.NORMAL
    if percentile < LOW_VOLATILITY:
        return VolatilityState.LOW
    return VolatilityState.EXTREME if percentile > EXTREME_VOLATILITY else VolatilityState.HIGH


def _ranked(history: RollingQuantile, x: float | None) -> float | None:
    if x is None:
        return None
    # Where nothing changes, what is left of rounding would be ranked.
    x = round(x, RANK_DIGITS)
    history.push(x)
    return history.rank(x)
