"""All signals of a symbol once a minute into the database: in batches by COPY, never lost in silence."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

from quant.vector import SignalVector

log = structlog.get_logger(__name__)

MINUTE_NS = 60_000_000_000
MAX_WAITING = 20_000
BATCH = 2_000

COLUMNS = (
    'exchange, symbol, ts_event, mid, regime, direction, volatility, names, "values", qualities, combined, market, '
    "schema_hash"
)
# One table a connection, emptied by every commit: made anew for each batch it would bloat the catalogue.
STAGE = f"""
CREATE TEMPORARY TABLE IF NOT EXISTS sample_stage ON COMMIT DELETE ROWS
    AS SELECT {COLUMNS} FROM quant_signalsample LIMIT 0
"""
COPY = f"COPY sample_stage ({COLUMNS}) FROM STDIN"
MERGE = f"INSERT INTO quant_signalsample ({COLUMNS}) SELECT {COLUMNS} FROM sample_stage ON CONFLICT DO NOTHING"

Row = tuple[Any, ...]
NO_CANDIDATES: Mapping[str, float | None] = MappingProxyType({})
MarketFeatures = Callable[[SignalVector], Sequence[float]]


class Regime(Protocol):
    """What a sample keeps of the market's regime."""

    @property
    def phase(self) -> str: ...
    @property
    def direction(self) -> float: ...
    @property
    def volatility(self) -> str: ...
    @property
    def quality(self) -> float: ...


def nothing(vector: SignalVector) -> tuple[float, ...]:
    """No market features."""
    return ()


def sample_row(
    vector: SignalVector,
    *,
    combined: float | None,
    regime: Regime | None,
    market: Sequence[float],
    schema_hash: str,
    now_ns: int,
    candidates: Mapping[str, float | None] = NO_CANDIDATES,
) -> Row:
    """One sample; its time is the minute nearest to `now_ns`, so that one a minute stays, whoever writes it.

    The nearest: a clock that runs behind the venue's sees a minute close before it is over. A regime without quality is
    not known.
    """
    minute = now_ns + MINUTE_NS // 2
    if regime is not None and regime.quality <= 0.0:
        regime = None
    return (
        vector.exchange,
        vector.symbol,
        minute - minute % MINUTE_NS,
        _known(vector.mid),
        "" if regime is None else str(regime.phase),
        None if regime is None else _known(float(regime.direction)),
        "" if regime is None else str(regime.volatility),
        [*(column.name for column in vector.columns), *candidates],
        [*_all_known(vector.values.tolist()), *map(_known, candidates.values())],
        [*vector.quality.tolist(), *(0.0 if value is None else 1.0 for value in candidates.values())],
        _known(combined),
        _all_known(market),
        schema_hash,
    )


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _all_known(values: Iterable[float]) -> list[float | None]:
    return [_known(float(value)) for value in values]


class SampleWriter:
    """Collects samples; `flush` writes them. What cannot be written waits, up to a bound, and then is counted.

    market: what models learn from besides bars, and the hash of its names.
    """

    def __init__(
        self, pool: AsyncConnectionPool[Any], *, market: MarketFeatures = nothing, schema_hash: str = ""
    ) -> None:
        self._pool = pool
        self._market = market
        self._schema_hash = schema_hash
        self._waiting: deque[Row] = deque()
        self.written = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(
        self,
        vector: SignalVector,
        *,
        combined: float | None,
        regime: Regime | None,
        now_ns: int,
        candidates: Mapping[str, float | None] = NO_CANDIDATES,
    ) -> None:
        """Keep one symbol's signals of this minute. combined: by the default weights, in [-1, 1].

        candidates: by name, signals that are only watched.
        """
        row = sample_row(
            vector,
            combined=combined,
            regime=regime,
            market=self._market(vector),
            schema_hash=self._schema_hash,
            now_ns=now_ns,
            candidates=candidates,
        )
        self._waiting.append(row)
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1

    async def flush(self) -> bool:
        """Write all that waits; false where the database is away. A minute already stored stays as it is."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                await self._copy(batch)
            except psycopg.OperationalError:
                self._waiting.extendleft(reversed(batch))
                return False
            except psycopg.Error as error:
                # A row that the table does not take would block all others for ever.
                self.dropped += len(batch)
                log.error("samples.dropped", rows=len(batch), error=f"{type(error).__name__}: {error}")
        return True

    async def _copy(self, batch: list[Row]) -> None:
        async with self._pool.connection() as connection, connection.cursor() as cursor:
            await cursor.execute(STAGE)
            async with cursor.copy(COPY) as copy:
                for row in batch:
                    await copy.write_row(row)
            await cursor.execute(MERGE)
            written = cursor.rowcount
        self.written += written
