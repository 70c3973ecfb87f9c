"""A bot is stopped with the wish to hold nothing while an entry of it is still on its way."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from bots.models import Account, Bot, Intent, Position, Trade
from bots.operations.start_bot import start_bot
from bots.operations.stop_bot import stop_bot
from bots.orders.checks import broken_invariants
from marketdata.models import BarRow
from tests.integration.engine.market import TestFeed, bars_rows, eventually
from tests.integration.engine.test_engine import PRICE, RunningEngine, eager_bot
from tests.integration.orders.cast import Cast

LATENCY_MS = 3_000


@pytest.fixture
async def market(cast: Cast, redis_flush: None) -> AsyncIterator[TestFeed]:
    await sync_to_async(BarRow.objects.bulk_create)(await sync_to_async(bars_rows)(cast.btc, price=PRICE))
    await sync_to_async(Account.objects.update)(latency_ms=LATENCY_MS)
    yield TestFeed()
    assert await sync_to_async(broken_invariants)() == []
    await sync_to_async(connections.close_all)()


def entry_on_its_way() -> Intent | None:
    return Intent.objects.filter(closed_at=None, purpose="entry").first()


async def test_what_fills_after_the_stop_is_closed_too(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    await sync_to_async(cast.account.refresh_from_db)()
    async with RunningEngine() as engine:
        await market.play(lambda i: PRICE + i % 3, entry_on_its_way)
        assert not await sync_to_async(Position.objects.exists)(), (
            "the entry filled before the stop: nothing was tested"
        )
        await sync_to_async(stop_bot)(bot_id=bot.pk, actor=None, now=datetime.now(UTC), close_positions=True)
        trade = await market.play(lambda i: PRICE + i % 3, lambda: Trade.objects.first())
        assert trade.exit_reason == "manual"
        await eventually(lambda: bot.pk not in engine.desk.bots)
    assert not await sync_to_async(Position.objects.filter(closed_at=None).exists)()
    await sync_to_async(start_bot)(bot_id=bot.pk, actor=None, now=datetime.now(UTC))
    assert (await sync_to_async(Bot.objects.get)(pk=bot.pk)).closing_since is None
