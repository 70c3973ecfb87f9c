"""A venue raises its smallest order above what a running bot holds."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from bots.models import Bot, Decision, Position
from bots.orders.checks import broken_invariants
from marketdata.models import BarRow
from tests.integration.engine.market import TestFeed, bars_rows, eventually
from tests.integration.engine.test_engine import PRICE, RunningEngine, eager_bot, enter
from tests.integration.orders.cast import Cast


@pytest.fixture
async def market(cast: Cast, redis_flush: None) -> AsyncIterator[TestFeed]:
    await sync_to_async(BarRow.objects.bulk_create)(await sync_to_async(bars_rows)(cast.btc, price=PRICE))
    yield TestFeed()
    assert await sync_to_async(broken_invariants)() == []
    await sync_to_async(connections.close_all)()


async def test_a_position_below_a_raised_lot_ends_as_dust_and_frees_its_place(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    async with RunningEngine() as engine:
        position = await enter(market)
        # No more entries: what is looked at is how the position ends.
        await sync_to_async(Bot.objects.filter(pk=bot.pk).update)(maximum_trades_per_day=1, version=2)
        cast.btc.lot_size = Decimal("0.1")
        await sync_to_async(cast.btc.save)()
        closed = await market.play(lambda i: PRICE, lambda: Position.objects.exclude(closed_at=None).first())
        assert (closed.pk, closed.exit_reason, closed.dust) == (position.pk, "dust", position.quantity)
        await eventually(lambda: not engine.desk.bots[bot.pk].positions)
    assert "cannot be sold" in (await sync_to_async(Decision.objects.get)(exit_reason="dust")).reasoning
