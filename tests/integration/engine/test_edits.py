"""Settings changed while a bot holds something or has an order."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from bots.models import Balance, Bot, Decision, Order, Trade
from bots.operations.edit_bot import edit_bot
from bots.operations.start_bot import start_bot
from bots.operations.stop_bot import stop_bot
from bots.orders.checks import broken_invariants
from marketdata.models import BarRow, Subscription
from tests.integration.engine.market import TestFeed, bars_rows, eventually
from tests.integration.engine.test_engine import PRICE, RunningEngine, closed_trade, eager_bot, enter
from tests.integration.orders.cast import Cast, make_bot


@pytest.fixture
async def market(cast: Cast, redis_flush: None) -> AsyncIterator[TestFeed]:
    await sync_to_async(BarRow.objects.bulk_create)(await sync_to_async(bars_rows)(cast.btc, price=PRICE))
    yield TestFeed()
    assert await sync_to_async(broken_invariants)() == []
    await sync_to_async(connections.close_all)()


@sync_to_async
def edit(bot: Bot, instruments: Sequence[Any] | None = None, **changes: Any) -> None:
    edit_bot(bot_id=bot.pk, changes=changes, instruments=instruments, actor=None, now=datetime.now(UTC))


async def test_what_is_taken_off_the_watchlist_is_left_by_its_stop_and_not_entered_again(
    cast: Cast, market: TestFeed
) -> None:
    bot = await eager_bot(cast)
    subscribed = Subscription.objects.filter(follower=f"bot:{bot.pk}", symbol="BTC/USDT")
    async with RunningEngine():
        await enter(market)
        await edit(bot, [cast.eth])
        assert await sync_to_async(subscribed.exists)()
        trade = await market.play(lambda i: PRICE * 0.98, closed_trade)
        assert trade.exit_reason == "stop_loss"
        # Its seat goes, and with it the wish for its ticks; until then it says why it does not enter.
        await market.play(lambda i: PRICE + i, lambda: not subscribed.exists())
        await market.play(lambda i: PRICE + i, lambda: True)
    assert await sync_to_async(Order.objects.filter(intent__purpose="entry").count)() == 1
    refused = await sync_to_async(lambda: [row.reasons for row in Decision.objects.filter(verdict="rejected")])()
    assert {reason["code"] for reasons in refused for reason in reasons} <= {"watchlist", "exit_retry"}


async def test_an_entry_that_rests_is_withdrawn_when_its_symbol_is_taken_off_the_watchlist(
    cast: Cast, market: TestFeed
) -> None:
    bot = await eager_bot(cast, order_type="limit")
    async with RunningEngine():
        order = await market.play(lambda i: PRICE, lambda: Order.objects.filter(bot=bot, state="open").first())
        await edit(bot, [cast.eth])
        await eventually(lambda: Order.objects.filter(pk=order.pk, state="canceled").first())
    assert (await sync_to_async(Balance.objects.get)(account=cast.account, asset="USDT")).reserved == 0


async def test_a_stopped_bot_that_has_left_its_position_wants_no_more_ticks(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    subscribed = Subscription.objects.filter(follower=f"bot:{bot.pk}")
    async with RunningEngine():
        await enter(market)
        await sync_to_async(stop_bot)(bot_id=bot.pk, actor=None, now=datetime.now(UTC), close_positions=True)
        assert await sync_to_async(subscribed.exists)()
        await market.play(lambda i: PRICE, closed_trade)
        await eventually(lambda: not subscribed.exists())


async def test_a_timeframe_added_beside_bots_that_trade_leaves_them_able_to_decide(
    cast: Cast, market: TestFeed
) -> None:
    await eager_bot(cast)
    async with RunningEngine() as engine:
        position = await enter(market)
        runner = engine.roster.runners["simulated", "BTC/USDT"]
        async with runner.lock:
            await runner.follow_timeframes(("1m", "5m"))
            quote = market.market(PRICE)[1]
            await runner.worker.step(quote, quote.ts_init)
    assert position.closed_at is None


async def test_less_capital_is_no_drawdown(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast, capital=Decimal(2000))
    async with RunningEngine() as engine:
        await enter(market)
        await edit(bot, capital=Decimal(1500))
        await eventually(lambda: engine.desk.bots[bot.pk].config.limits.capital == 1500)
        # A bot started now is taken up after housekeeping has looked at the others.
        other = await sync_to_async(make_bot)(cast.account, [cast.btc], "Other")
        await market.play(lambda i: PRICE + i % 3, lambda: other.pk in engine.desk.bots)
        books = engine.desk.bots[bot.pk]
        assert books.peak_equity - books.equity < 10
    assert (await sync_to_async(Bot.objects.get)(pk=bot.pk)).ladder == "active"
    assert await sync_to_async(Trade.objects.count)() == 0


async def test_a_new_session_begins_a_new_peak_though_a_position_was_kept(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    async with RunningEngine() as engine:
        await enter(market)
        books = engine.desk.bots[bot.pk]
        await sync_to_async(stop_bot)(bot_id=bot.pk, actor=None, now=datetime.now(UTC))
        await eventually(lambda: books.config.state == "stopped")
        books.peak_equity += 1000
        await sync_to_async(start_bot)(bot_id=bot.pk, actor=None, now=datetime.now(UTC))
        await eventually(lambda: books.config.state == "running")
        assert books.peak_equity - books.equity < 10
