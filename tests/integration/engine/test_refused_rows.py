"""Rows that the database will not take: one bot's matter, not an outage."""

from collections.abc import AsyncIterator, Iterator

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from bots.models import Bot, BotState, Order
from bots.orders.checks import broken_invariants
from marketdata.models import BarRow
from tests.integration.engine.market import TestFeed, bars_rows, eventually
from tests.integration.engine.test_engine import PRICE, RunningEngine, eager_bot
from tests.integration.orders.cast import Cast, make_bot


@pytest.fixture
def picky_table(cast: Cast) -> Iterator[None]:
    """No order's fills can be booked."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE bots_fill ADD CONSTRAINT picky CHECK (price < 1)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE bots_fill DROP CONSTRAINT picky")


@pytest.fixture
async def market(cast: Cast, picky_table: None, redis_flush: None) -> AsyncIterator[TestFeed]:
    await sync_to_async(BarRow.objects.bulk_create)(await sync_to_async(bars_rows)(cast.btc, price=PRICE))
    yield TestFeed()
    assert await sync_to_async(broken_invariants)() == []
    await sync_to_async(connections.close_all)()


async def test_a_fill_that_cannot_be_booked_halts_its_bot_and_settles_its_order(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    watcher = await sync_to_async(make_bot)(cast.account, [cast.btc], "Watcher", minimum_confidence=0.99)
    async with RunningEngine() as engine:
        halted = await market.play(
            lambda i: PRICE + i % 3, lambda: Bot.objects.filter(pk=bot.pk, state=BotState.ERROR).first()
        )
        assert "refuses a report of order" in halted.state_reason
        await eventually(lambda: Order.objects.filter(bot=bot, state="absent").exists())
        worker = engine.roster.runners["simulated", "BTC/USDT"].worker
        assert not worker.execution.has_unrecorded
        assert engine.desk.bots[watcher.pk].trades
        assert engine.desk.database_error == ""
