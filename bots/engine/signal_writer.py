"""Signals into the database: in batches by COPY, at most a second late, never lost in silence."""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import structlog

from bots.engine.trace import Evaluation, SideView, side_view
from bots.orders.connections import Pool
from bots.orders.decisions import to_json
from bots.orders.isolate import write_isolated
from bots.trading.vocabulary import Action

log = structlog.get_logger(__name__)

MAX_WAITING = 50_000
BATCH = 2_000

COPY = """
COPY bots_signal (bot_id, instrument_id, decision_id, source, action, value, confidence, price, reasoning, metadata,
    omitted, ts_event, created_at) FROM STDIN
"""

Row = tuple[Any, ...]


def signal_rows(
    evaluation: Evaluation,
    *,
    action: Action,
    words: str,
    decision_id: UUID | None,
    omitted: int,
    at: datetime,
) -> list[Row]:
    """The three signals of an evaluation: technical, quant, combined."""
    opinion = evaluation.opinion
    technical, quant = side_view(evaluation, technical=True), side_view(evaluation, technical=False)
    combined: dict[str, Any] = {
        "coverage": opinion.coverage,
        "multiplier": opinion.multiplier,
        "forecast": opinion.forecast,
        "trigger": evaluation.trigger,
    }
    rows = [
        (
            source,
            _action(view.value, opinion.minimum_confidence),
            view.value,
            _confidence(view),
            view.words,
            view.values,
        )
        for source, view in (("technical", technical), ("quant", quant))
    ]
    value = None if opinion.signal != opinion.signal else opinion.signal
    rows.append(("combined", action.value, value, opinion.confidence, words, combined))
    return [
        (
            evaluation.bot_id,
            evaluation.rules.instrument_id,
            decision_id,
            source,
            acted,
            number,
            confidence,
            evaluation.price,
            text[:600],
            to_json(metadata),
            omitted,
            evaluation.ts_event,
            at,
        )
        for source, acted, number, confidence, text, metadata in rows
    ]


def _action(value: float | None, minimum: float) -> str:
    if value is None or abs(value) < minimum:
        return Action.HOLD.value
    return (Action.BUY if value > 0 else Action.SELL).value


def _confidence(view: SideView) -> float:
    return 0.0 if view.value is None else min(1.0, abs(view.value) * view.share)


class SignalWriter:
    """Collects rows; `flush` writes them. What cannot be written waits, up to a bound, and then is counted."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: deque[Row] = deque()
        self.written = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(
        self, evaluation: Evaluation, *, action: Action, words: str, decision_id: UUID | None, omitted: int
    ) -> None:
        at = datetime.now(UTC)
        self._waiting.extend(
            signal_rows(evaluation, action=action, words=words, decision_id=decision_id, omitted=omitted, at=at)
        )
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1

    async def flush(self) -> bool:
        """Write all that waits; false where the database is away."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            left = await write_isolated(batch, self._copy, refused=self._refused)
            if left:
                self._waiting.extendleft(reversed(left))
                return False
        return True

    def _refused(self, row: Row, error: psycopg.Error) -> None:
        # A row that no table takes, such as one of a bot deleted meanwhile, would block all others for ever.
        self.dropped += 1
        log.error(
            "signal.refused", bot_id=row[0], instrument_id=row[1], source=row[3],
            error=f"{type(error).__name__}: {error}",
        )  # fmt: skip

    async def _copy(self, batch: Sequence[Row]) -> None:
        async with (
            self._pool.connection() as connection,
            connection.cursor() as cursor,
            cursor.copy(COPY) as copy,
        ):
            for row in batch:
                await copy.write_row(row)
        self.written += len(batch)
