"""What a signal says at one moment."""

from enum import StrEnum

from msgspec import Struct

# In the parts of a reading whose value a remote server gave.
REMOTE_PART = "remote"
MIN_OBSERVATIONS = 50
FULL_OBSERVATIONS = 500


class Component(StrEnum):
    """The inputs of the blend: seven signals of the market, and the votes of a learned model and a learned policy."""

    TECHNICAL = "technical"
    SPEED = "speed"
    MICROSTRUCTURE = "microstructure"
    OPEN_INTEREST = "open_interest"
    OPTIONS_FLOW = "options_flow"
    SENTIMENT = "sentiment"
    VOLATILITY = "volatility"
    MODEL = "model"
    POLICY = "policy"


LEARNED = (Component.MODEL, Component.POLICY)
BUILT_IN = tuple(component for component in Component if component not in LEARNED)


class Phase(StrEnum):
    """What kind of market it is: some rules turn round between a range and a trend."""

    TREND = "trend"
    RANGE = "range"
    NEUTRAL = "neutral"


class Reading(Struct, frozen=True, kw_only=True):
    """A signal in [-1, 1], positive for rising prices, or None with the reason why there is none.

    A value with a reason is one from which something was left out.

    `quality` in [0, 1] is how far the value can be trusted before it ages; `as_of` is the moment of its newest input
    in nanoseconds; `parts` holds the sub-signals and the figures behind them, None where one is missing.
    """

    value: float | None
    quality: float
    as_of: int
    n_obs: int
    reason: str = ""
    parts: dict[str, float | None] = {}


def grown_quality(n_obs: int) -> float:
    """Quality of a signal after `n_obs` observations: 0 below 50, .5 at 50, rising to 1 at 500."""
    if n_obs < MIN_OBSERVATIONS:
        return 0.0
    grown = (n_obs - MIN_OBSERVATIONS) / (FULL_OBSERVATIONS - MIN_OBSERVATIONS)
    return min(1.0, 0.5 + 0.5 * grown)


def missing(reason: str, *, as_of: int = 0, n_obs: int = 0, parts: dict[str, float | None] | None = None) -> Reading:
    """A reading without a value."""
    return Reading(value=None, quality=0.0, as_of=as_of, n_obs=n_obs, reason=reason, parts=parts or {})


def weighted_mean(parts: dict[str, float | None], weights: dict[str, float]) -> float | None:
    """Mean of the parts that are there, their weights renormalised; None when none is."""
    total = 0.0
    weight_sum = 0.0
    for name, weight in weights.items():
        value = parts.get(name)
        if value is not None:
            total += weight * value
            weight_sum += weight
    return total / weight_sum if weight_sum > 0 else None


def clip(value: float, low: float, high: float) -> float:
    return low if value < low else high if value > high else value
