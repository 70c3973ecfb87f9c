"""The engine over the real database and channel layer: ticks in, orders, fills and positions out."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.db.models import F
from redis import Redis

from bots.engine.engine import Engine
from bots.models import Bot, BotLease, BotState, Decision, Evaluation, Fill, Order, Position, Signal, Trade, User
from bots.operations.close_position import close_position
from bots.operations.edit_position import edit_position
from bots.operations.pause_bot import pause_bot
from bots.operations.start_bot import start_bot
from bots.operations.stop_bot import stop_bot
from bots.orders.checks import broken_invariants
from bots.orders.connections import open_pool
from bots.orders.leases import LeaseTerms
from bots.queries.trace import decision_trace
from marketdata.models import BarRow
from tests.integration.engine.market import TestFeed, bars_rows, eventually, rising
from tests.integration.orders.cast import Cast, make_bot

PRICE = 100_000.0
EAGER: dict[str, Any] = {
    "evaluation": Evaluation.TICK,
    "minimum_confidence": 0.01,
    "minimum_coverage": 0.0,
    "validator_enabled": False,
    "component_weights": {"technical": 1.0},
    "stop_loss": Decimal("0.01"),
    "take_profit": Decimal("0.02"),
}
TERMS = LeaseTerms(ttl_s=6, renew_s=0.5)


class RunningEngine:
    """An engine in this process, started and stopped by the test."""

    def __init__(self, name: str = "engine-1") -> None:
        self.name = name

    async def __aenter__(self) -> Engine:
        self.pool = await open_pool(min_size=2, max_size=6)
        self.engine = Engine(self.pool, holder=self.name, terms=TERMS)
        self.task = asyncio.create_task(self.engine.run())
        return self.engine

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.pool.close()


@pytest.fixture
async def market(cast: Cast, redis_flush: None) -> AsyncIterator[TestFeed]:
    await sync_to_async(BarRow.objects.bulk_create)(await sync_to_async(bars_rows)(cast.btc, price=PRICE))
    yield TestFeed()
    assert await sync_to_async(broken_invariants)() == []
    await sync_to_async(connections.close_all)()


async def eager_bot(cast: Cast, name: str = "Eager", **changes: Any) -> Bot:
    await sync_to_async(Bot.objects.filter(pk=cast.bot.pk).update)(state=BotState.STOPPED)
    return await sync_to_async(make_bot)(cast.account, [cast.btc], name, **(EAGER | changes))


def open_position() -> Position | None:
    return Position.objects.filter(closed_at=None).first()


def closed_trade() -> Trade | None:
    return Trade.objects.first()


async def enter(market: TestFeed) -> Position:
    return await market.play(lambda i: PRICE + i % 3, open_position)


async def test_ticks_become_a_position_with_its_whole_trace(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    async with RunningEngine():
        position = await enter(market)
        await eventually(lambda: Signal.objects.filter(source="combined", decision_id=position.decision_id).exists())
    order = await sync_to_async(Order.objects.select_related("intent__decision").get)(bot=bot, intent__purpose="entry")
    decision = order.intent.decision
    assert order.state == "filled"
    assert decision.verdict == "approved"
    assert decision.action == "buy"
    assert {part["name"] for part in decision.components} >= {"technical", "speed", "microstructure", "volatility"}
    assert "BUY:" in decision.reasoning
    assert await sync_to_async(Fill.objects.filter(order=order).exists)()
    sources = await sync_to_async(lambda: set(Signal.objects.values_list("source", flat=True)))()
    assert sources == {"technical", "quant", "combined"}
    owner = await sync_to_async(User.objects.get)(pk=bot.owner_id)
    trace = await sync_to_async(decision_trace)(owner, decision.pk)
    assert trace is not None
    kept = trace.decision.trace
    heard = [part for part in trace.decision.components if part["effective"] > 0.0]
    assert sum(part["effective"] for part in heard) == pytest.approx(1.0, abs=1e-5)
    assert sum(part["contribution"] for part in heard) == pytest.approx(trace.decision.signal, abs=1e-5)
    assert len(kept["blend"]["correlation"]["names"]) == len(heard) == len(kept["blend"]["correlation"]["matrix"])
    assert kept["blend"]["uses_multiplier"] is True
    assert abs(kept["blend"]["forecast"]) / 20 * trace.decision.coverage == pytest.approx(trace.decision.confidence)
    assert 0 < kept["prices"]["bid"] < kept["prices"]["ask"]
    assert kept["blocks"] == []
    sizing = kept["sizing"]
    assert Decimal(sizing["quantity"]) == order.quantity
    assert Decimal(sizing["allowed"][sizing["binding"]]) == min(map(Decimal, sizing["allowed"].values()))
    assert [found.order.pk for found in trace.orders] == [order.pk]
    assert [event.to_state for event in trace.orders[0].events][-1] == "filled"
    assert sum(fill.quantity for fill in trace.orders[0].fills) == order.filled_quantity


async def test_a_stop_loss_acts_on_the_tick_that_reaches_it(cast: Cast, market: TestFeed) -> None:
    await eager_bot(cast)
    async with RunningEngine():
        await enter(market)
        trade = await market.play(lambda i: PRICE * 0.985, closed_trade)
    assert trade.exit_reason == "stop_loss"
    exit_decision = await sync_to_async(Decision.objects.get)(exit_reason="stop_loss")
    assert "stop-loss" in exit_decision.reasoning


async def test_a_trailing_stop_follows_the_price_up(cast: Cast, market: TestFeed) -> None:
    await eager_bot(cast, trailing_stop=Decimal("0.002"), take_profit=Decimal(0))
    async with RunningEngine():
        position = await enter(market)
        entry = float(position.entry_price)
        await market.play(
            rising(entry, entry * 0.0005),
            lambda: Position.objects.filter(closed_at=None, stop_price__gt=position.entry_price).exists(),
        )
        trade = await market.play(lambda i: entry * 1.0001, closed_trade)
    assert trade.exit_reason == "trailing_stop"


async def test_pausing_stops_entries_and_keeps_exits(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    async with RunningEngine() as engine:
        await enter(market)
        await sync_to_async(pause_bot)(bot_id=bot.pk, actor=None, now=datetime.now(UTC))
        await eventually(lambda: engine.desk.bots[bot.pk].config.state == "paused")
        await market.play(lambda i: PRICE * 1.03, closed_trade)
        await market.play(
            lambda i: PRICE * 1.03 + i % 3,
            lambda: [
                found
                for found in Decision.objects.filter(verdict="rejected")
                if "paused" in {reason["code"] for reason in found.reasons}
            ],
        )
    assert await sync_to_async(Order.objects.filter(intent__purpose="entry").count)() == 1


async def test_a_person_closes_a_position(cast: Cast, market: TestFeed) -> None:
    await eager_bot(cast)
    async with RunningEngine():
        position = await enter(market)
        await sync_to_async(close_position)(position_id=position.pk, actor=None, now=datetime.now(UTC))
        trade = await market.play(lambda i: PRICE, closed_trade)
    assert trade.exit_reason == "manual"


async def test_a_person_closes_a_part_and_the_rest_keeps_its_stop(cast: Cast, market: TestFeed) -> None:
    await eager_bot(cast)
    async with RunningEngine():
        position = await enter(market)
        asked = await sync_to_async(close_position)(
            position_id=position.pk, actor=None, now=datetime.now(UTC), fraction=Decimal("0.5")
        )
        assert 0 < asked.close_to < position.quantity
        held = await market.play(
            lambda i: PRICE, lambda: Position.objects.filter(closed_at=None, quantity__lte=asked.close_to).first()
        )
        assert held.quantity == asked.close_to
        # Long enough for another exit, were one wanted.
        exits = Order.objects.filter(intent__purpose="exit")
        await market.play(lambda i: PRICE, lambda: Position.objects.filter(marked_at__gt=held.marked_at).exists())
        assert await sync_to_async(exits.count)() == 1
        trade = await market.play(lambda i: PRICE * 0.985, closed_trade)
    assert trade.exit_reason == "stop_loss"


async def test_an_engine_goes_by_the_stop_that_a_person_sets(cast: Cast, market: TestFeed) -> None:
    await eager_bot(cast)
    async with RunningEngine() as engine:
        position = await enter(market)
        stop = position.entry_price * Decimal("0.999")
        prices: dict[str, Decimal | None] = {"stop_price": stop, "target_price": None}
        await sync_to_async(edit_position)(position_id=position.pk, changes=prices, actor=None, now=datetime.now(UTC))

        def taken_up() -> bool:
            held = engine.desk.bots[position.bot_id].positions.get(position.instrument_id)
            return held is not None and (held.position.stop_price, held.position.target_price) == (stop, None)

        await eventually(taken_up)
        trade = await market.play(lambda i: float(position.entry_price) * 0.998, closed_trade)
    assert trade.exit_reason == "stop_loss"
    row = await sync_to_async(Position.objects.get)(pk=position.pk)
    assert (row.stop_price, row.target_price, row.revision) == (stop, None, 1)


async def test_a_restart_goes_on_with_what_is_open(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    async with RunningEngine("engine-1"):
        position = await enter(market)
    lease = await sync_to_async(BotLease.objects.get)(bot=bot)
    assert lease.holder == ""
    market = TestFeed(epoch=2)
    async with RunningEngine("engine-2") as second:
        await eventually(lambda: bot.pk in second.desk.bots)
        assert second.desk.bots[bot.pk].positions[cast.btc.pk].position.position_id == position.pk
        trade = await market.play(lambda i: PRICE * 0.985, closed_trade)
    assert trade.position_id == position.pk


async def test_a_bot_started_later_is_taken_up_and_a_stopped_one_given_back(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    await sync_to_async(Bot.objects.filter(pk=bot.pk).update)(state=BotState.STOPPED)
    async with RunningEngine() as engine:
        await sync_to_async(start_bot)(bot_id=bot.pk, actor=None, now=datetime.now(UTC))
        await eventually(lambda: bot.pk in engine.desk.bots)
        await sync_to_async(stop_bot)(bot_id=bot.pk, actor=None, now=datetime.now(UTC))
        await eventually(lambda: bot.pk not in engine.desk.bots)
        await eventually(lambda: BotLease.objects.get(bot=bot).holder == "")
        assert not engine.roster.runners


async def test_nothing_trades_while_the_feed_is_stale_and_it_says_so(cast: Cast, market: TestFeed) -> None:
    await eager_bot(cast)
    async with RunningEngine() as engine:
        await eventually(lambda: engine.roster.runners)
        reasons = lambda: [  # noqa: E731
            found for found in Decision.objects.all() if {"feed"} & {reason["code"] for reason in found.reasons}
        ]
        for _ in range(400):
            await market.send(market.state("stale", "no data"), *market.market(PRICE))
            if await sync_to_async(reasons)():
                break
            await asyncio.sleep(0.05)
        assert await sync_to_async(reasons)()
        assert not await sync_to_async(Order.objects.exists)()
        await market.send(market.state("live"))
        await enter(market)


async def test_prices_of_another_exchange_are_for_bots_that_allow_them_only(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    async with RunningEngine() as engine:
        await eventually(lambda: engine.roster.runners)

        def refused() -> Any:
            return any(
                reason["code"] == "second_source" and "kraken" in reason["text"]
                for found in Decision.objects.all()
                for reason in found.reasons
            )

        for _ in range(400):
            await market.send(market.state("fallback", source="kraken"), *market.market(PRICE))
            if await sync_to_async(refused)():
                break
            await asyncio.sleep(0.05)
        assert await sync_to_async(refused)()
        assert not await sync_to_async(Order.objects.exists)()
        await sync_to_async(Bot.objects.filter(pk=bot.pk).update)(second_source=True, version=F("version") + 1)
        await enter(market)


async def test_a_hole_in_the_stream_stops_decisions_until_the_next_book(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    await sync_to_async(Bot.objects.filter(pk=bot.pk).update)(state=BotState.PAUSED)
    async with RunningEngine() as engine:
        await market.play(lambda i: PRICE, lambda: Decision.objects.exists())
        worker = next(iter(engine.roster.runners.values())).worker
        assert not worker.is_stale
        market.sequence += 3
        _, quote, trade = market.market(PRICE)
        await market.send(quote, trade)
        await eventually(lambda: worker.is_stale)
        await market.send(*market.market(PRICE))
        await eventually(lambda: not worker.is_stale)
        assert engine.intake.missed == 3


async def test_a_bot_with_settings_that_cannot_be_used_stops_with_the_reason_and_others_go_on(
    cast: Cast, market: TestFeed
) -> None:
    broken = await eager_bot(cast, "Broken")
    await eager_bot(cast, "Whole")
    await sync_to_async(Bot.objects.filter(pk=broken.pk).update)(component_weights={"technical": -1.0})
    async with RunningEngine():
        await enter(market)
        halted = await eventually(lambda: Bot.objects.filter(pk=broken.pk, state=BotState.ERROR).first())
    assert "weights" in halted.state_reason


async def test_a_limit_entry_rests_outlives_a_restart_and_fills_as_a_maker(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast, order_type="limit")
    async with RunningEngine("engine-1"):
        order = await market.play(lambda i: PRICE, lambda: Order.objects.filter(bot=bot, state="open").first())
    market = TestFeed(epoch=2)
    async with RunningEngine("engine-2"):
        # Through its price: whoever waited there is filled.
        await market.play(lambda i: PRICE * 0.999, lambda: Order.objects.filter(pk=order.pk, state="filled").first())
    fill = await sync_to_async(Fill.objects.get)(order=order)
    assert fill.is_maker
    assert fill.price == order.limit_price


async def test_a_bot_restricted_to_exits_withdraws_its_resting_entry(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast, order_type="limit")
    async with RunningEngine():
        order = await market.play(lambda i: PRICE, lambda: Order.objects.filter(bot=bot, state="open").first())
        await sync_to_async(Bot.objects.filter(pk=bot.pk).update)(ladder="reduce", ladder_reason="a test")
        await eventually(lambda: Order.objects.filter(pk=order.pk, state="canceled").first())


async def test_flatten_closes_everything_and_nothing_is_opened_again(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    async with RunningEngine():
        await enter(market)
        await sync_to_async(Bot.objects.filter(pk=bot.pk).update)(ladder="flatten", ladder_reason="a test")
        trade = await market.play(lambda i: PRICE, closed_trade)
        assert trade.exit_reason == "flatten"
        await market.play(
            lambda i: PRICE + i % 3,
            lambda: [
                found
                for found in Decision.objects.filter(verdict="rejected")
                if "flatten" in {reason["code"] for reason in found.reasons}
            ],
        )
    assert await sync_to_async(Order.objects.filter(intent__purpose="entry").count)() == 1


async def test_a_drawn_down_bot_is_restricted_to_exits_and_says_so(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast, maximum_drawdown=Decimal("0.00005"), stop_loss=Decimal("0.5"))
    async with RunningEngine():
        await enter(market)
        found = await market.play(
            lambda i: PRICE * 0.99, lambda: Bot.objects.filter(pk=bot.pk, ladder="reduce").first()
        )
    assert "below its peak" in found.ladder_reason
    with Redis.from_url(settings.REDIS_URL) as connection:
        events = [json.loads(fields[b"payload"]) for _, fields in connection.xrange(f"events:user:{bot.owner_id}")]
    assert "ladder_reduce" in {event["data"]["code"] for event in events if event["type"] == "alert"}
    told = {event["type"] for event in events}
    assert told >= {"orderUpdate", "orderExecuted", "positionUpdate", "tradingCycleComplete", "botState"}


async def test_a_second_engine_stands_by_and_takes_over_when_the_first_stops(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast)
    first, second = RunningEngine("engine-1"), RunningEngine("engine-2")
    leader = await first.__aenter__()
    position = await enter(market)
    async with second as follower:
        assert bot.pk in leader.desk.bots
        await first.__aexit__()
        await eventually(lambda: bot.pk in follower.desk.bots)
        trade = await market.play(lambda i: PRICE * 0.985, closed_trade)
    assert trade.position_id == position.pk
    lease = await sync_to_async(BotLease.objects.get)(bot=bot)
    assert lease.epoch == 2
