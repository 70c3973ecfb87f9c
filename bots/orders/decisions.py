"""Decisions as rows: one at a time at the gate, in batches for holds and refusals."""

from collections.abc import Iterable
from typing import Any

import msgspec

from bots.orders.connections import Pool, RowConnection
from bots.orders.sql import INSERT_DECISION
from bots.trading.records import DecisionRecord, Reason
from bots.trading.vocabulary import Verdict

TEXT_LIMIT = 600


def to_json(value: Any) -> str:
    """JSON for a jsonb column; NaN and infinities become null."""
    return msgspec.json.encode(value).decode()


def decision_values(decision: DecisionRecord) -> dict[str, Any]:
    """A decision as the parameters of its statement."""
    return {
        "decision_id": decision.id,
        "bot_id": decision.bot_id,
        "instrument_id": decision.instrument_id,
        "ts_event": decision.ts_event,
        "trigger": decision.trigger.value,
        "action": decision.action.value,
        "decision_exit_reason": decision.exit_reason.value if decision.exit_reason else "",
        "verdict": decision.verdict.value,
        "reasons": to_json(decision.reasons),
        "price": decision.price,
        "signal": decision.signal,
        "confidence": decision.confidence,
        "coverage": decision.coverage,
        "multiplier": decision.multiplier,
        "components": to_json(decision.components),
        "validators": to_json(decision.validators),
        "market": to_json(decision.market),
        "trace": to_json(decision.trace),
        "reasoning": decision.reasoning[:TEXT_LIMIT],
        "outlook": decision.outlook[: TEXT_LIMIT // 2],
        "repeated": decision.repeated,
    }


def rejected(decision: DecisionRecord, reasons: tuple[Reason, ...]) -> DecisionRecord:
    """The decision as the gate ended it."""
    return msgspec.structs.replace(decision, verdict=Verdict.REJECTED, reasons=(*decision.reasons, *reasons))


async def insert_decisions(connection: RowConnection, decisions: Iterable[DecisionRecord]) -> None:
    """Insert within the caller's transaction; a decision already stored is left as it is."""
    values = [decision_values(decision) for decision in decisions]
    if values:
        async with connection.cursor() as cursor:
            await cursor.executemany(INSERT_DECISION, values)


async def store_decisions(pool: Pool, decisions: Iterable[DecisionRecord]) -> None:
    """Store decisions that sent nothing, in one transaction. `repeated` carries the count of equal ones left out."""
    async with pool.connection() as connection:
        await insert_decisions(connection, decisions)
