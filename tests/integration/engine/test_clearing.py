"""A bot that its drawdown restricted is cleared while its engine runs: drawdown is measured from there."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from bots.models import AuditEntry, Bot
from bots.operations.clear_bot import clear_bot
from bots.orders.checks import broken_invariants
from marketdata.models import BarRow
from tests.integration.engine.market import TestFeed, bars_rows
from tests.integration.engine.test_engine import PRICE, RunningEngine, eager_bot, enter
from tests.integration.orders.cast import Cast, make_bot


@pytest.fixture
async def market(cast: Cast, redis_flush: None) -> AsyncIterator[TestFeed]:
    await sync_to_async(BarRow.objects.bulk_create)(await sync_to_async(bars_rows)(cast.btc, price=PRICE))
    yield TestFeed()
    assert await sync_to_async(broken_invariants)() == []
    await sync_to_async(connections.close_all)()


def ladder(bot: Bot) -> str:
    step: str = Bot.objects.get(pk=bot.pk).ladder
    return step


async def test_clearing_a_drawdown_does_not_engage_it_again(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    async with RunningEngine() as engine:
        await enter(market)
        books = engine.desk.bots[bot.pk]
        books.peak_equity += 1000
        await market.play(lambda i: PRICE + i % 3, lambda: ladder(bot) == "reduce")
        await sync_to_async(clear_bot)(bot_id=bot.pk, actor=None, now=datetime.now(UTC), reason="looked at it")
        await market.play(lambda i: PRICE + i % 3, lambda: str(books.config.restriction.ladder) == "active")
        # A bot started now is taken up after housekeeping has looked at the others.
        other = await sync_to_async(make_bot)(cast.account, [cast.btc], "Other")
        await market.play(lambda i: PRICE + i % 3, lambda: other.pk in engine.desk.bots)
        assert books.peak_equity - books.equity < 10
    assert await sync_to_async(ladder)(bot) == "active"
    assert await sync_to_async(AuditEntry.objects.filter(action="bot.reduce").count)() == 1
