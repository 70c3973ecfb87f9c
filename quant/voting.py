"""Validators: does the blend deserve to be acted on? Pure functions that answer with a code and the figures.

Strategies are asked all at once, and nobody waits for one: what has no value, or one that is too old, has no vote, and
`left_out` says why.
"""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from msgspec import Struct

from quant.edge import Edge
from quant.reading import Component, Reading
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
    EDGE = "edge"


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
    edge: Edge | None = None,
    edge_gate: bool = False,
) -> tuple[Verdict, ...]:
    """Every verdict on one bot's blend; `validator_enabled=False` leaves confidence alone.

    values: (columns,), NaN where missing. weights: (columns,), the effective ones of the blend. edge: shown where it is
    given; it refuses only where `edge_gate` asks for it and the evidence is significant.
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
    if edge is not None:
        verdicts.append(_of_edge(edge, is_asked=edge_gate and validator_enabled))
    return tuple(verdicts)


class LeftOut(Struct, frozen=True, kw_only=True):
    """A strategy without a vote, and why."""

    name: str
    reason: str


def left_out(
    columns: tuple[Column, ...], readings: Sequence[Reading], quality: Floats, weights: Floats, *, now_ns: int
) -> tuple[LeftOut, ...]:
    """Those of the strategies that a bot weighs which have no vote now. quality, weights: (columns,)."""
    found = []
    for column, reading, good, weight in zip(columns, readings, quality.tolist(), weights.tolist(), strict=True):
        if weight <= 0.0 or good > 0.0:
            continue
        if reading.value is None:
            reason = reading.reason or "it has no value"
        elif reading.quality <= 0.0:
            reason = "its quality is 0"
        else:
            reason = f"its last value is {(now_ns - reading.as_of) / 1e9:.1f} s old"
        found.append(LeftOut(name=column.name.replace("_", " "), reason=reason))
    return tuple(found)


def _of_edge(edge: Edge, *, is_asked: bool) -> Verdict:
    expected, needed = edge.expected_bps, edge.needed_bps
    if expected is None:
        text = f"edge is unknown ({edge.reason}), would need {needed:.2f} bps"
        return Verdict(code=VerdictCode.EDGE, passed=True, value=0.0, limit=needed, text=text)
    shown, limit = compared(expected, needed)
    if expected >= needed:
        text = f"edge {shown} bps ≥ {limit} bps"
    elif is_asked and edge.is_significant:
        text = f"edge is {shown} bps, needs {limit} bps"
        return Verdict(code=VerdictCode.EDGE, passed=False, value=expected, limit=needed, text=text)
    else:
        why = "its evidence is not significant" if is_asked else "the gate is off"
        text = f"edge is {shown} bps, would need {limit} bps: shown only, {why}"
    return Verdict(code=VerdictCode.EDGE, passed=True, value=expected, limit=needed, text=text)


def _at_least(code: VerdictCode, value: float, limit: float, what: str) -> Verdict:
    value = float(value)
    passed = value >= limit
    shown, needed = (f"{value:.0f}", f"{limit:.0f}") if code is VerdictCode.FAMILIES else compared(value, limit)
    text = f"{what} {shown} ≥ {needed}" if passed else f"{what} is {shown}, needs {needed}"
    return Verdict(code=code, passed=passed, value=value, limit=limit, text=text)
