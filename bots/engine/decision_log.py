"""Decisions that sent nothing, into the database once a second: only those that differ from the one before."""

from collections import deque
from collections.abc import Sequence

import psycopg
import structlog

from bots.orders.isolate import write_isolated
from bots.orders.store import OrderStore
from bots.trading.records import DecisionRecord

log = structlog.get_logger(__name__)

MAX_WAITING = 10_000
BATCH = 500


class DecisionLog:
    """Collects decisions; `flush` writes them. What cannot be written waits, up to a bound, and then is counted."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store
        self._waiting: deque[DecisionRecord] = deque()
        self.written = 0
        self.dropped = 0

    def add(self, decision: DecisionRecord) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(decision)

    async def flush(self) -> bool:
        """Write all that waits; false where the database is away."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            left = await write_isolated(batch, self._write, refused=self._refused)
            if left:
                self._waiting.extendleft(reversed(left))
                return False
        return True

    async def _write(self, batch: Sequence[DecisionRecord]) -> None:
        await self._store.store_decisions(batch)
        self.written += len(batch)

    def _refused(self, decision: DecisionRecord, error: psycopg.Error) -> None:
        # A row that no table takes, such as one of a bot deleted meanwhile, would block all others for ever.
        self.dropped += 1
        log.error(
            "decision.refused", bot_id=decision.bot_id, symbol=decision.symbol, decision=str(decision.id),
            error=f"{type(error).__name__}: {error}",
        )  # fmt: skip
