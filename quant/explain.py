"""A decision in words."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from quant.reading import REMOTE_PART, Component
from quant.signals import microstructure, open_interest, options_flow, speed
from quant.strategies import STRATEGY_WEIGHTS
from quant.vector import Floats, SignalVector
from quant.veto import Block
from quant.voting import LeftOut, Verdict, VerdictCode
from quant.wording import compared

MAX_VOICES = 3
NOTHING_IN_THE_WAY = "nothing is in the way"
# Smaller values would be written as 0.00.
MIN_SHOWN = 0.005
_WANTS_MORE = {VerdictCode.COVERAGE.value, VerdictCode.FAMILIES.value}
_PART_WEIGHTS: dict[Component, dict[str, float]] = {
    Component.TECHNICAL: STRATEGY_WEIGHTS,
    # Without a leader these weigh as its own do.
    Component.SPEED: speed.LED_WEIGHTS,
    Component.MICROSTRUCTURE: microstructure.PART_WEIGHTS,
    Component.OPEN_INTEREST: open_interest.PART_WEIGHTS,
    Component.OPTIONS_FLOW: options_flow.PART_WEIGHTS,
}


class Voice(NamedTuple):
    """One sub-signal: its value in [-1, 1] and what it moved the blend by."""

    name: str
    value: float
    contribution: float


def voices(vector: SignalVector, weights: Floats) -> list[Voice]:
    """Sub-signals that took part, strongest first. weights: (columns,), the effective ones of the blend."""
    by_name: dict[str, tuple[float, float]] = {}
    for column, reading, weight in zip(vector.columns, vector.readings, weights.tolist(), strict=True):
        if reading.value is None or weight <= 0.0:
            continue
        whole = {column.component.value: 1.0}
        shares = _PART_WEIGHTS.get(column.component, whole)
        if column.component in _PART_WEIGHTS and REMOTE_PART not in reading.parts:
            parts = reading.parts
        else:
            parts, shares = {column.component.value: reading.value}, whole
        present = {name: share for name, share in shares.items() if parts.get(name) is not None}
        share_sum = sum(present.values())
        for name, share in present.items():
            weighed = weight * share / share_sum
            amplifier = parts.get("amplifier")
            moved = (parts[name] or 0.0) * (1.0 if amplifier is None else amplifier) * weighed
            total, weight_sum = by_name.get(name, (0.0, 0.0))
            by_name[name] = (total + moved, weight_sum + weighed)
    found = [
        Voice(name=name.replace("_", " "), value=total / weight_sum, contribution=total)
        for name, (total, weight_sum) in by_name.items()
    ]
    return sorted(found, key=lambda voice: -abs(voice.contribution))


def reasoning(
    *,
    action: str,
    vector: SignalVector,
    weights: Floats,
    signal: float,
    confidence: float,
    min_confidence: float,
) -> str:
    """One sentence: which sub-signals spoke for and against, and whether it was enough.

    "BUY: trend +0.62 and order flow +0.30 outweigh mean reversion -0.20; confidence 0.41 ≥ 0.25"
    """
    shown, minimum = compared(confidence, min_confidence)
    enough = f"confidence {shown} {'≥' if confidence >= min_confidence else '<'} {minimum}"
    spoken = [voice for voice in voices(vector, weights) if abs(voice.value) >= MIN_SHOWN]
    if math.isnan(signal) or not spoken:
        return f"{action}: no signal has anything to say; {enough}"
    ahead = [voice for voice in spoken if (voice.contribution > 0.0) == (signal > 0.0)][:MAX_VOICES]
    against = [voice for voice in spoken if (voice.contribution > 0.0) != (signal > 0.0)][:MAX_VOICES]
    if not ahead:
        return f"{action}: {_list(against)} cancel out; {enough}"
    if not against:
        return f"{action}: {_list(ahead)}, nothing against; {enough}"
    return f"{action}: {_list(ahead)} {'outweigh' if len(ahead) > 1 else 'outweighs'} {_list(against)}; {enough}"


def what_would_trade(
    *,
    signal: float,
    coverage: float,
    multiplier: float,
    min_confidence: float,
    verdicts: Sequence[Verdict],
    blocks: Sequence[Block],
    left_out: Sequence[LeftOut] = (),
) -> str:
    """What keeps the bot from trading, or "nothing is in the way". `multiplier` is 1 where the bot does not use it.

    `left_out` is told where it matters: where signals cover too little, or too few families have an opinion.
    """
    reasons = [block.text for block in blocks]
    lacking = {block.code.value for block in blocks} | {v.code.value for v in verdicts if not v.passed}
    for verdict in verdicts:
        if verdict.passed or verdict.code.value in {block.code.value for block in blocks}:
            continue
        if verdict.code is VerdictCode.CONFIDENCE:
            reasons.append(_needed_blend(signal, coverage, multiplier, min_confidence))
        else:
            reasons.append(verdict.text)
    if left_out and lacking & _WANTS_MORE:
        reasons.append("left out: " + ", ".join(f"{one.name} ({one.reason})" for one in left_out))
    return "; ".join(reasons) if reasons else NOTHING_IN_THE_WAY


def _needed_blend(signal: float, coverage: float, multiplier: float, min_confidence: float) -> str:
    if math.isnan(signal) or coverage <= 0.0:
        return "no signal has a value: waiting for data"
    needed = min_confidence / (coverage * multiplier)
    terms = f"minimum confidence {min_confidence:.2f}, coverage {coverage:.2f}, multiplier {multiplier:.2f}"
    if min_confidence > coverage:
        reached, minimum = compared(coverage, min_confidence)
        return f"blend is {signal:.2f}, and coverage {reached} cannot reach confidence {minimum}"
    blend, enough = compared(signal, math.copysign(needed, signal))
    return f"blend is {blend}, needs {enough}: {terms}"


def _list(found: Sequence[Voice]) -> str:
    words = [f"{voice.name} {voice.value:+.2f}" for voice in found]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
