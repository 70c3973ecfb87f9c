"""What kind of market it is: directed or not, up or down, calm or wild. What follows from it is in docs/decisions/regime.md.

The states, how those of several timeframes are combined, and what they change; `regime_detector` tells them from bars.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct, structs

from marketdata.events import Timeframe
from quant.reading import Component, Phase

MAX_TIMEFRAMES = 3
# Before as many, a regime is unknown.
MIN_BARS = 100
# What an instrument's regime is told by where nobody says otherwise.
DEFAULT_FRAMES: Mapping[Timeframe, float] = MappingProxyType({"5m": 1.0, "15m": 1.0, "1h": 1.0})


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


def regime_of(
    states: Mapping[Timeframe, RegimeState], weights: Mapping[Timeframe, float] = DEFAULT_FRAMES
) -> RegimeState:
    """The regime of the timeframes that are weighed, of those there are; unknown where there is none."""
    known = {frame: states[frame] for frame, weight in weights.items() if weight > 0.0 and frame in states}
    if not known:
        return UNKNOWN
    frames = dict(list(known.items())[:MAX_TIMEFRAMES])
    return combine(frames, {frame: weights[frame] for frame in frames})


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
