"""Samples reach their table once, wait while the database is away, and what does not fit is counted."""

from dataclasses import dataclass

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from bots.orders.connections import open_pool
from quant.evidence import samples
from quant.evidence.samples import SampleWriter
from tests.unit.quant.evidence.cast import MINUTE_NS, NOON, vector

pytestmark = pytest.mark.django_db(transaction=True)
NAN = float("nan")


@dataclass(frozen=True)
class Trend:
    phase: str = "trend"
    direction: float = -1.0
    volatility: str = "high"
    quality: float = 0.5


@pytest.fixture
async def pool():
    opened = await open_pool()
    yield opened
    await opened.close()


async def rows(pool):
    async with pool.connection() as connection:
        found = await connection.execute("SELECT * FROM quant_signalsample ORDER BY ts_event")
        return await found.fetchall()


async def test_a_minute_is_stored_once_with_all_that_was_known(pool):
    writer = SampleWriter(pool, market=lambda _: (1.5, NAN), schema_hash="abc")
    writer.add(vector(), combined=0.3, regime=Trend(), now_ns=NOON + 250_000_000)
    assert await writer.flush()
    writer.add(vector(mid=101.0), combined=0.9, regime=None, now_ns=NOON + 5_000_000_000)
    assert await writer.flush()
    assert (writer.written, writer.dropped, len(writer)) == (1, 0, 0)
    (row,) = await rows(pool)
    assert (row.exchange, row.symbol, row.ts_event) == ("simulated", "BTC/USDT", NOON)
    assert (row.mid, row.combined, row.schema_hash, row.market) == (100.0, 0.3, "abc", [1.5, None])
    assert (row.regime, row.direction, row.volatility) == ("trend", -1.0, "high")
    assert row.names == ["technical 1m", "technical 1m forming", "speed", "sentiment"]
    assert (row.values, row.qualities) == ([0.5, 0.4, -0.25, None], [1.0, 1.0, 1.0, 0.0])


async def test_candidates_are_kept_behind_the_signals(pool):
    writer = SampleWriter(pool)
    writer.add(vector(), combined=0.3, regime=None, now_ns=NOON, candidates={"candidate a": -0.5, "candidate b": None})
    assert await writer.flush()
    (row,) = await rows(pool)
    assert row.names[4:] == ["candidate a", "candidate b"]
    assert (row.values[4:], row.qualities[4:]) == ([-0.5, None], [1.0, 0.0])


async def test_a_clock_behind_the_venues_names_the_minute_that_closed(pool):
    writer = SampleWriter(pool)
    for minute, late_ns in enumerate((-200_000_000, 300_000_000, -1)):
        writer.add(vector(), combined=0.1, regime=None, now_ns=NOON + minute * MINUTE_NS + late_ns)
    assert await writer.flush()
    assert [row.ts_event for row in await rows(pool)] == [NOON + minute * MINUTE_NS for minute in range(3)]


async def test_what_is_not_known_is_null(pool):
    writer = SampleWriter(pool)
    writer.add(vector(mid=None, values=(NAN,) * 4), combined=NAN, regime=Trend(quality=0.0), now_ns=NOON)
    assert await writer.flush()
    (row,) = await rows(pool)
    assert (row.mid, row.combined, row.regime, row.direction) == (None, None, "", None)
    assert row.values == [None] * 4


async def test_while_the_database_is_away_the_oldest_go_and_are_counted(pool, monkeypatch):
    monkeypatch.setattr(samples, "MAX_WAITING", 3)
    away = AsyncConnectionPool("host=127.0.0.1 port=1", open=False, min_size=0, max_size=1, timeout=0.2)
    await away.open(wait=False)
    writer = SampleWriter(away)
    for minute in range(5):
        writer.add(vector(), combined=0.1, regime=None, now_ns=NOON + minute * MINUTE_NS)
    assert not await writer.flush()
    assert (writer.written, writer.dropped, len(writer)) == (0, 2, 3)
    await away.close()
    writer._pool = pool
    assert await writer.flush()
    assert [row.ts_event for row in await rows(pool)] == [NOON + minute * MINUTE_NS for minute in (2, 3, 4)]
    assert writer.written == 3


async def test_a_row_that_no_table_takes_does_not_block_the_others(pool):
    writer = SampleWriter(pool)
    writer.add(vector(symbol="X" * 50), combined=0.1, regime=None, now_ns=NOON)
    assert await writer.flush()
    writer.add(vector(), combined=0.1, regime=None, now_ns=NOON)
    assert await writer.flush()
    assert (writer.written, writer.dropped) == (1, 1)


async def test_a_connection_that_breaks_while_writing_loses_nothing(pool):
    writer = SampleWriter(pool)
    writer.add(vector(), combined=0.1, regime=None, now_ns=NOON)

    async def broken(batch: list[samples.Row]) -> None:
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    whole, writer._copy = writer._copy, broken  # type: ignore[method-assign]
    assert not await writer.flush()
    writer._copy = whole  # type: ignore[method-assign]
    assert await writer.flush()
    assert writer.written == 1
