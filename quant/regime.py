"""What kind of market it is: directed or not, up or down, calm or wild. What follows from it is in docs/decisions/regime.md.

T = mean of the 500-bar percentile ranks of the efficiency ratio (20 bars) and ADX14. A trend begins above .65 and ends
below .5; a range begins below .35 and ends above .5; a phase lasts at least five bars.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from types import MappingProxyType

from msgspec import Struct, structs
from talib import stream

from marketdata.events import Bar, Timeframe
from quant.features.bars import ADX_BARS, MAX_GAP_BARS, is_sound, price_scale, timeframe_ns
from quant.features.efficiency import EfficiencyRatio
from quant.features.indicator import Indicator
from quant.features.ranges import YangZhang
from quant.features.rolling import RollingQuantile
from quant.reading import Component, Phase, grown_quality

EFFICIENCY_BARS = VOLATILITY_BARS = 20
RANK_BARS = 500
RANK_DIGITS = 12
DIRECTION_SPANS = (16, 64)
MIN_BARS = 100
MIN_DWELL_BARS = 5
MAX_TIMEFRAMES = 3

ENTER_TREND, ENTER_RANGE, MIDDLE = 0.65, 0.35, 0.5
LOW_VOLATILITY, HIGH_VOLATILITY, EXTREME_VOLATILITY = 0.25, 0.75, 0.95


class VolatilityState(StrEnum):
    """Where volatility stands among that of the last 500 bars."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    EXTREME = "extreme"


_BY_WILDNESS = tuple(VolatilityState)


class RegimeState(Struct, frozen=True, kw_only=True):
    """The regime after a bar; `since_ns` is the close of the bar with which its phase began, 0 before there is one.

    direction: 1 where the average of 16 bars is above that of 64, -1 below, 0 where neither is known. score: T in [0, 1],
    None while it is unknown. quality in [0, 1]: 0 before 100 bars, rising to 1 at 500.
    """

    phase: Phase
    direction: float
    volatility: VolatilityState
    quality: float
    n_obs: int
    score: float | None
    since_ns: int


UNKNOWN = RegimeState(
    phase=Phase.NEUTRAL,
    direction=0.0,
    volatility=VolatilityState.NORMAL,
    quality=0.0,
    n_obs=0,
    score=None,
    since_ns=0,
)


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


def combine(states: Mapping[Timeframe, RegimeState], weights: Mapping[Timeframe, float] | None = None) -> RegimeState:
    """One regime of up to three timeframes, each heard by its weight times its quality; equal weights without any.

    The phase is that of more than half of what is heard, else neutral; the direction is that of the majority; the
    volatility is the weighted median, the wilder of two; `since_ns` is when the last of those that agree began.
    Raises ValueError for more than three timeframes, and for weights that are negative, not finite or all zero.
    """
    if not 1 <= len(states) <= MAX_TIMEFRAMES:
        raise ValueError(f"{len(states)} timeframes, must be from 1 to {MAX_TIMEFRAMES}")
    shares = {frame: 1.0 if weights is None else weights.get(frame, 0.0) for frame in states}
    if any(not 0.0 <= share < float("inf") for share in shares.values()) or not any(shares.values()):
        raise ValueError(f"weights must be finite, not negative and not all zero: {shares}")
    used = [(state, shares[frame]) for frame, state in states.items() if shares[frame] > 0.0]
    heard = [(state, share * state.quality) for state, share in used if state.quality > 0.0]
    total = sum(share for _, share in heard)
    n_obs = min(state.n_obs for state, _ in used)
    if not heard:
        return structs.replace(UNKNOWN, n_obs=n_obs)
    phase = next(
        (p for p in Phase if 2.0 * sum(share for state, share in heard if state.phase is p) > total), Phase.NEUTRAL
    )
    pull = sum(share * state.direction for state, share in heard)
    scored = [(state.score, share) for state, share in heard if state.score is not None]
    return RegimeState(
        phase=phase,
        direction=0.0 if pull == 0.0 else 1.0 if pull > 0.0 else -1.0,
        volatility=_median_volatility(heard, total),
        quality=min(1.0, total / sum(share for _, share in used)),
        n_obs=n_obs,
        score=sum(score * share for score, share in scored) / sum(share for _, share in scored) if scored else None,
        since_ns=max(
            (state.since_ns for state, _ in heard if state.phase is phase),
            default=max(state.since_ns for state, _ in heard),
        ),
    )


def _median_volatility(heard: list[tuple[RegimeState, float]], total: float) -> VolatilityState:
    """The wildest state that at least half of the weight reaches."""
    above = 0.0
    for volatility in reversed(_BY_WILDNESS):
        above += sum(share for state, share in heard if state.volatility is volatility)
        if 2.0 * above >= total:
            return volatility
    return VolatilityState.LOW


_UNCHANGED: Mapping[Component, float] = MappingProxyType({})
PHASE_FACTORS: Mapping[Phase, Mapping[Component, float]] = MappingProxyType(
    {
        Phase.TREND: MappingProxyType({Component.TECHNICAL: 1.2, Component.SENTIMENT: 0.5}),
        Phase.RANGE: MappingProxyType(
            {Component.TECHNICAL: 0.8, Component.MICROSTRUCTURE: 1.2, Component.SENTIMENT: 1.2}
        ),
        Phase.NEUTRAL: _UNCHANGED,
    }
)
VOLATILITY_FACTORS: Mapping[VolatilityState, Mapping[Component, float]] = MappingProxyType(
    {
        VolatilityState.LOW: _UNCHANGED,
        VolatilityState.NORMAL: _UNCHANGED,
        VolatilityState.HIGH: MappingProxyType({Component.SPEED: 0.8, Component.VOLATILITY: 1.5}),
        VolatilityState.EXTREME: MappingProxyType(
            {Component.SPEED: 0.6, Component.MICROSTRUCTURE: 0.8, Component.VOLATILITY: 2.0}
        ),
    }
)
PHASE_STOPS: Mapping[Phase, float] = MappingProxyType({Phase.TREND: 1.1, Phase.RANGE: 0.9, Phase.NEUTRAL: 1.0})
VOLATILITY_STOPS: Mapping[VolatilityState, float] = MappingProxyType(
    {
        VolatilityState.LOW: 0.85,
        VolatilityState.NORMAL: 1.0,
        VolatilityState.HIGH: 1.25,
        VolatilityState.EXTREME: 1.5,
    }
)


def adapted_weights(component_weights: Mapping[Component, float], state: RegimeState) -> Mapping[Component, float]:
    """A bot's weights as the regime asks for; relative ones, to be made to add up to 1 as others are.

    A factor acts by the share of its quality: an unknown regime changes nothing, and a weight of 0 stays 0.
    """
    phase, wild = PHASE_FACTORS[state.phase], VOLATILITY_FACTORS[state.volatility]
    return {
        component: weight * _eased(phase.get(component, 1.0) * wild.get(component, 1.0), state.quality)
        for component, weight in component_weights.items()
    }


def stop_multiplier(state: RegimeState) -> float:
    """What stop distances are multiplied by, within [.765, 1.65]; 1 where the regime is unknown."""
    return _eased(PHASE_STOPS[state.phase] * VOLATILITY_STOPS[state.volatility], state.quality)


def _eased(factor: float, quality: float) -> float:
    return 1.0 + (factor - 1.0) * quality
