"""The strategies within technical, and its reading without those that a bot has switched off."""

from collections.abc import Sequence

from msgspec import structs

from quant.reading import Reading, missing, weighted_mean

STRATEGY_WEIGHTS = {
    "trend": 0.30,
    "momentum": 0.20,
    "mean_reversion": 0.15,
    "volume": 0.15,
    "liquidity": 0.10,
    "smart_money": 0.10,
}
STRATEGIES = tuple(STRATEGY_WEIGHTS)


def without(reading: Reading, names: Sequence[str]) -> Reading:
    """The technical reading as if the named strategies were not there; the weights of the others are renormalised."""
    if not names or not reading.parts:
        return reading
    parts = {**reading.parts, **dict.fromkeys(names)}
    value = weighted_mean(parts, STRATEGY_WEIGHTS)
    if value is None:
        reason = reading.reason or "none of the technical strategies that are switched on has a value"
        return missing(reason, as_of=reading.as_of, n_obs=reading.n_obs, parts=parts)
    return structs.replace(reading, value=value, parts=parts)
