"""Decisions that sent nothing, into the database once a second: only those that differ from the one before."""

from collections import deque

import psycopg
import structlog

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
            try:
                await self._store.store_decisions(batch)
                self.written += len(batch)
            except psycopg.OperationalError:
                self._waiting.extendleft(reversed(batch))
                return False
            except psycopg.Error as error:
                self.dropped += len(batch)
                log.error("decisions.dropped", rows=len(batch), error=f"{type(error).__name__}: {error}")
        return True
