"""Stopped while a page is being stored: the page is stored, and counted."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal

import psycopg
import pytest
from asgiref.sync import sync_to_async

from bots.orders.connections import connection_parameters
from marketdata.backfill.spans import Span
from marketdata.backfill.work import Backfill, Job, Outcome, Patience
from marketdata.events import Bar
from marketdata.models import BarRow, Exchange, Instrument
from tests.patience import PATIENCE_S
from tests.unit.marketdata.cast import MINUTE, T0, minute

pytestmark = pytest.mark.django_db(transaction=True)

BARS = 5
ONE = Decimal("0.01")


class Venue:
    """Its REST has one page."""

    async def bars(self, venue_symbol: str, **asked: object) -> list[Bar]:
        return [minute(number) for number in range(BARS)]


class Untold:
    """Nobody is told how it goes."""

    def progress(self, job: Job, *, bars: int, until_ns: int) -> None: ...


@pytest.fixture
def job() -> Job:
    exchange = Exchange.objects.create(code="there", name="There", adapter="binance", environment="simulated")
    instrument = Instrument.objects.create(
        exchange=exchange, symbol="BTC/USDT", venue_symbol="BTCUSDT", base="BTC", quote="USDT", tick_size=ONE,
        lot_size=ONE, min_quantity=ONE, max_quantity=ONE, min_notional=ONE,
    )  # fmt: skip
    return Job(
        exchange="there", symbol="BTC/USDT", venue_symbol="BTCUSDT", instrument_id=instrument.pk, timeframe="1m",
        span=Span(start_ns=T0, end_ns=T0 + BARS * MINUTE),
    )  # fmt: skip


@pytest.fixture
def other() -> Iterator["psycopg.Connection[object]"]:
    """Somebody else, who may hold up what wants to write bars."""
    with psycopg.connect(**connection_parameters() | {"row_factory": psycopg.rows.tuple_row}) as connection:
        yield connection


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_page_that_is_being_stored_counts(job, other):
    outcome = Outcome()
    await asyncio.to_thread(other.execute, "LOCK TABLE marketdata_bar IN SHARE MODE")
    backfill = Backfill(Venue(), teller=Untold(), patience=Patience(Untold()))
    work = asyncio.create_task(backfill.fill(job, outcome))
    counted: list[int] = []
    work.add_done_callback(lambda _: counted.append(outcome.stored))

    async def waits() -> bool:
        query = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'marketdata_bar'::regclass)"
        row = await asyncio.to_thread(lambda: other.execute(query).fetchone())
        return bool(row[0])

    await until(waits)
    work.cancel()
    await asyncio.to_thread(other.rollback)
    with contextlib.suppress(asyncio.CancelledError):
        await work
    assert work.cancelled()
    assert counted == [BARS]
    assert await sync_to_async(BarRow.objects.count)() == BARS
