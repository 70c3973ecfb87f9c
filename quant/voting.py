"""Validators: does the blend deserve to be acted on? Pure functions that answer with a code and the figures."""

from enum import StrEnum

import numpy as np
from msgspec import Struct

from quant.reading import Component
from quant.vector import Column, Floats
from quant.wording import compared

MIN_AGREEMENT = 0.6
MIN_FAMILIES = 2
DEFAULT_MIN_COVERAGE = 0.3
DEFAULT_MIN_CONFIDENCE = 0.25


class VerdictCode(StrEnum):
    AGREEMENT = "agreement"
    FAMILIES = "families"
    COVERAGE = "coverage"
    CONFIDENCE = "confidence"


class Family(StrEnum):
    """Inputs that see the same thing: each family has one voice, so that many averages cannot outvote one flow."""

    PRICE = "price"
    FLOW = "flow"
    DERIVATIVES = "derivatives"
    SENTIMENT = "sentiment"
    VOLATILITY = "volatility"
    LEARNED = "learned"


FAMILIES: dict[Component, Family] = {
    Component.TECHNICAL: Family.PRICE,
    Component.SPEED: Family.FLOW,
    Component.MICROSTRUCTURE: Family.FLOW,
    Component.OPEN_INTEREST: Family.DERIVATIVES,
    Component.OPTIONS_FLOW: Family.DERIVATIVES,
    Component.SENTIMENT: Family.SENTIMENT,
    Component.VOLATILITY: Family.VOLATILITY,
    Component.MODEL: Family.LEARNED,
    Component.POLICY: Family.LEARNED,
}


class Verdict(Struct, frozen=True, kw_only=True):
    """One validator's answer: `value` against the `limit` it had to reach."""

    code: VerdictCode
    passed: bool
    value: float
    limit: float
    text: str


def family_votes(columns: tuple[Column, ...], values: Floats, weights: Floats) -> dict[Family, tuple[float, float]]:
    """Family -> (its mean signal, its weight), over the columns with a value and a weight."""
    sums: dict[Family, tuple[float, float]] = {}
    for column, value, weight in zip(columns, values.tolist(), weights.tolist(), strict=True):
        if weight > 0.0 and not np.isnan(value):
            family = FAMILIES[column.component]
            total, weight_sum = sums.get(family, (0.0, 0.0))
            sums[family] = (total + weight * value, weight_sum + weight)
    return {family: (total / weight_sum, weight_sum) for family, (total, weight_sum) in sums.items()}


def agreement(votes: dict[Family, tuple[float, float]]) -> float:
    """|Σ ws| / Σ w|s| in [0, 1]: 1 when all families point the same way, 0 when they cancel or none has an opinion."""
    net = sum(weight * value for value, weight in votes.values())
    gross = sum(weight * abs(value) for value, weight in votes.values())
    return abs(net) / gross if gross > 0.0 else 0.0


def validate(
    *,
    columns: tuple[Column, ...],
    values: Floats,
    weights: Floats,
    coverage: float,
    confidence: float,
    min_coverage: float = DEFAULT_MIN_COVERAGE,
    min_confidence: float = DEFAULT_MIN_CONFIDENCE,
    validator_enabled: bool = True,
) -> tuple[Verdict, ...]:
    """Every verdict on one bot's blend; `validator_enabled=False` leaves confidence alone.

    values: (columns,), NaN where missing. weights: (columns,), the effective ones of the blend.
    """
    verdicts = [_at_least(VerdictCode.CONFIDENCE, confidence, min_confidence, "confidence")]
    if validator_enabled:
        votes = family_votes(columns, values, weights)
        opinions = sum(value != 0.0 for value, _ in votes.values())
        verdicts += [
            _at_least(VerdictCode.AGREEMENT, agreement(votes), MIN_AGREEMENT, "agreement between families"),
            _at_least(VerdictCode.FAMILIES, float(opinions), float(MIN_FAMILIES), "families with an opinion"),
            _at_least(VerdictCode.COVERAGE, coverage, min_coverage, "coverage"),
        ]
    return tuple(verdicts)


def _at_least(code: VerdictCode, value: float, limit: float, what: str) -> Verdict:
    value = float(value)
    passed = value >= limit
    shown, needed = (f"{value:.0f}", f"{limit:.0f}") if code is VerdictCode.FAMILIES else compared(value, limit)
    text = f"{what} {shown} ≥ {needed}" if passed else f"{what} is {shown}, needs {needed}"
    return Verdict(code=code, passed=passed, value=value, limit=limit, text=text)
