"""A decision's whole trace as plain values: components, validators, words, and the signals that are stored."""

import math
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bots.engine.mood import Mood
from bots.orders.dust import dust_words
from bots.trading.decide import Opinion
from bots.trading.records import DecisionRecord, InstrumentRules, OrderPlan, PositionState, Reason
from bots.trading.vocabulary import Action, ExitReason, Trigger, Verdict
from quant.blend import Blended
from quant.edge import Edge
from quant.explain import NOTHING_IN_THE_WAY, reasoning, voices, what_would_trade
from quant.reading import Component
from quant.vector import Column, Floats, SignalVector
from quant.veto import Block
from quant.voting import Verdict as Validated
from quant.voting import left_out

NAMESPACE = UUID("7f1c4a52-9d0b-4b62-8a5e-3c9a5f5d1e77")
MAX_WORDS = 590


class Evaluation(Struct, frozen=True, kw_only=True):
    """One bot's look at one instrument: what it saw, and what it thinks of it."""

    bot_id: int
    rules: InstrumentRules
    trigger: Trigger
    slot: int
    ts_event: int
    vector: SignalVector
    opinion: Opinion
    weights: Floats
    effective: Floats
    validators: tuple[Validated, ...]
    blocks: tuple[Block, ...]
    mood: Mood
    correlation: Floats
    edge: Edge | None = None

    @property
    def price(self) -> float:
        return self.vector.last_price or self.vector.mid or 0.0


def opinion_of(blended: Blended, index: int, *, minimum_confidence: float) -> Opinion:
    return Opinion(
        signal=float(blended.signal[index]),
        coverage=float(blended.coverage[index]),
        multiplier=float(blended.multiplier[index]),
        forecast=float(blended.forecast[index]),
        confidence=float(blended.confidence[index]),
        minimum_confidence=minimum_confidence,
    )


def decision_id(bot_id: int, instrument_id: int, trigger: Trigger, ts_event: int, action: Action) -> UUID:
    """The same decision always gets the same id, also after a restart or in a replay of the same bot."""
    return uuid5(NAMESPACE, f"{bot_id}:{instrument_id}:{trigger}:{ts_event}:{action}")


def known(value: float) -> float | None:
    return None if math.isnan(value) else value


def components_of(evaluation: Evaluation) -> tuple[dict[str, Any], ...]:
    """Every column that the bot weighs, and the other components with the reason why they are silent."""
    vector = evaluation.vector
    rows = []
    for i, (column, reading) in enumerate(zip(vector.columns, vector.readings, strict=True)):
        weight = float(evaluation.weights[i])
        if column.component is Component.TECHNICAL and weight <= 0.0:
            continue
        value, share = reading.value, float(evaluation.effective[i])
        rows.append(
            {
                "name": column.component.value,
                "timeframe": column.timeframe,
                "value": value,
                "quality": round(float(vector.quality[i]), 6),
                "weight": round(weight, 6),
                "effective": round(share, 6),
                "contribution": None if value is None else share * value,
                "n_obs": reading.n_obs,
                "age_ms": round((vector.now_ns - reading.as_of) / 1e6, 1) if reading.as_of else None,
                "reason": reading.reason,
                "parts": reading.parts | spreads_of(column, vector),
            }
        )
    return tuple(rows)


def spreads_of(column: Column, vector: SignalVector) -> dict[str, float | None]:
    """What the book cost at the decision, beside what microstructure made of it."""
    if column.component is not Component.MICROSTRUCTURE:
        return {}
    return {"spread_bps": vector.spread_bps, "spread_median_bps": vector.spread_median_bps}


def trace_of(evaluation: Evaluation, plan: OrderPlan | None, *, use_multiplier: bool) -> dict[str, Any]:
    """What the decision rests on beside its signals and validators, as plain values."""
    vector, opinion = evaluation.vector, evaluation.opinion
    found: dict[str, Any] = {
        "prices": {
            "bid": vector.bid,
            "ask": vector.ask,
            "last": vector.last_price,
            "spread_bps": vector.spread_bps,
            "quote_age_ms": None if vector.quote_ns is None else round((vector.now_ns - vector.quote_ns) / 1e6, 1),
            "feed": vector.feed_state,
            "sigma_annual": vector.sigma_annual,
            "sigma_percentile": vector.sigma_percentile,
            "atr_pct": vector.atr_pct,
        },
        "blend": {
            "forecast": opinion.forecast,
            "minimum_confidence": opinion.minimum_confidence,
            "uses_multiplier": use_multiplier,
            "correlation": correlations_of(evaluation),
        },
        "blocks": [{"code": block.code.value, "text": block.text} for block in evaluation.blocks],
        "left_out": [
            {"name": silent.name, "reason": silent.reason}
            for silent in left_out(
                vector.columns, vector.readings, vector.quality, evaluation.weights, now_ns=vector.now_ns
            )
        ],
    }
    if (edge := evaluation.edge) is not None:
        found["edge"] = {
            "expected_bps": edge.expected_bps,
            "needed_bps": edge.needed_bps,
            "cost_bps": edge.cost_bps,
            "is_significant": edge.is_significant,
            "reason": edge.reason,
        }
    if plan is not None and plan.binding:
        found["sizing"] = {
            "quantity": str(plan.quantity),
            "binding": plan.binding,
            "allowed": {name: str(value) for name, value in plan.allowed.items()},
        }
    return found


def correlations_of(evaluation: Evaluation) -> dict[str, Any]:
    """What the multiplier took the signals that took part to have in common; rows in the order of the names."""
    heard = np.flatnonzero(evaluation.effective > 0.0)
    among = evaluation.correlation[np.ix_(heard, heard)]
    return {
        "names": [evaluation.vector.columns[i].name for i in heard.tolist()],
        "matrix": [[round(value, 3) for value in row] for row in among.tolist()],
    }


def spoken(reasons: Sequence[Reason]) -> str:
    return "; ".join(reason.text or reason.code for reason in reasons)


def record_of(
    evaluation: Evaluation,
    *,
    action: Action,
    verdict: Verdict,
    reasons: tuple[Reason, ...],
    exit_reason: ExitReason | None = None,
    repeated: int = 0,
    use_multiplier: bool = True,
    plan: OrderPlan | None = None,
) -> DecisionRecord:
    """The decision as it is stored. plan: what it sends, if anything."""
    opinion, vector = evaluation.opinion, evaluation.vector
    words = reasoning(
        action=action.value.upper(),
        vector=vector,
        weights=evaluation.effective,
        signal=opinion.signal,
        confidence=opinion.confidence,
        min_confidence=opinion.minimum_confidence,
    )
    outlook = what_would_trade(
        signal=opinion.signal,
        coverage=opinion.coverage,
        multiplier=opinion.multiplier if use_multiplier else 1.0,
        min_confidence=opinion.minimum_confidence,
        verdicts=evaluation.validators,
        blocks=evaluation.blocks,
    )
    if verdict is not Verdict.APPROVED and outlook == NOTHING_IN_THE_WAY:
        # The signals would do; what stands against it is known to who decided: a position that is open, a limit.
        outlook = spoken(reasons) or outlook
    rules = evaluation.rules
    return DecisionRecord(
        id=decision_id(evaluation.bot_id, rules.instrument_id, evaluation.trigger, evaluation.ts_event, action),
        bot_id=evaluation.bot_id,
        instrument_id=rules.instrument_id,
        symbol=rules.symbol,
        ts_event=evaluation.ts_event,
        trigger=evaluation.trigger,
        action=action,
        verdict=verdict,
        price=evaluation.price,
        signal=known(opinion.signal),
        confidence=opinion.confidence,
        coverage=opinion.coverage,
        multiplier=opinion.multiplier,
        components=components_of(evaluation),
        validators=tuple(
            {"code": v.code.value, "passed": v.passed, "value": v.value, "limit": v.limit, "text": v.text}
            for v in evaluation.validators
        ),
        reasons=reasons,
        reasoning=words[:MAX_WORDS],
        outlook=outlook[:290],
        exit_reason=exit_reason,
        repeated=repeated,
        market=evaluation.mood.told(),
        trace=trace_of(evaluation, plan, use_multiplier=use_multiplier),
    )


def protective_record(
    *,
    bot_id: int,
    rules: InstrumentRules,
    trigger: Trigger,
    ts_event: int,
    action: Action,
    price: float,
    exit_reason: ExitReason,
    reasoning: str,
) -> DecisionRecord:
    """The decision of an exit that no signal asked for: a stop, a target, a person, a ladder."""
    return DecisionRecord(
        id=decision_id(bot_id, rules.instrument_id, trigger, ts_event, action),
        bot_id=bot_id,
        instrument_id=rules.instrument_id,
        symbol=rules.symbol,
        ts_event=ts_event,
        trigger=trigger,
        action=action,
        verdict=Verdict.APPROVED,
        price=price,
        signal=None,
        confidence=None,
        coverage=None,
        multiplier=None,
        components=(),
        validators=(),
        reasons=(),
        reasoning=reasoning,
        exit_reason=exit_reason,
    )


def dust_record(
    *, position: PositionState, rules: InstrumentRules, trigger: Trigger, ts_event: int, price: float
) -> DecisionRecord:
    """The decision to end a position that no order can end. Nothing is sent."""
    record = protective_record(
        bot_id=position.bot_id,
        rules=rules,
        trigger=trigger,
        ts_event=ts_event,
        action=Action.HOLD,
        price=price,
        exit_reason=ExitReason.DUST,
        reasoning=dust_words(position, rules),
    )
    return replace(record, verdict=Verdict.HOLD)


class SideView(Struct, frozen=True, kw_only=True):
    """One of the two sides of the blend: value in [-1, 1] or None, and how much of its weight has a voice."""

    value: float | None
    share: float
    words: str
    values: dict[str, float | None]


def side_view(evaluation: Evaluation, *, technical: bool) -> SideView:
    """The technical columns, or all others, as one signal."""
    vector = evaluation.vector
    mask = [(column.component is Component.TECHNICAL) == technical for column in vector.columns]
    effective = evaluation.effective * mask
    share = float(effective.sum())
    values = {
        column.name: reading.value
        for column, reading, mine, weight in zip(vector.columns, vector.readings, mask, evaluation.weights, strict=True)
        if mine and (weight > 0.0 or not technical)
    }
    if share <= 0.0:
        side = "technical" if technical else "quant"
        return SideView(value=None, share=0.0, words=f"no {side} signal has a value", values=values)
    spoken = voices(vector, effective)[:3]
    value = sum(
        weight * (reading.value or 0.0)
        for weight, reading in zip(effective.tolist(), vector.readings, strict=True)
        if weight > 0.0
    )
    words = ", ".join(f"{voice.name} {voice.value:+.2f}" for voice in spoken)
    return SideView(value=value / share, share=share, words=words, values=values)
