"""Bots taken, lost and taken again."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from msgspec.structs import replace

from bots.engine.engine import Engine
from bots.engine.roster import take_wish
from bots.models import BotLease
from bots.orders.connections import open_pool
from bots.trading.records import VenueReport
from bots.trading.vocabulary import OrderState, OrderType
from tests.integration.engine.test_engine import TERMS
from tests.integration.orders.cast import Cast


@pytest.fixture
async def engine(cast: Cast, redis_flush: None) -> AsyncIterator[Engine]:
    """One that has not been started: the test acts for its loops."""
    pool = await open_pool(min_size=1, max_size=4)
    engine = Engine(pool, holder="engine-1", terms=TERMS)
    yield engine
    await engine.roster.close()
    await pool.close()
    await sync_to_async(connections.close_all)()


async def resting_entry(cast: Cast, engine: Engine) -> Any:
    lease = await cast.lease(engine.store, holder="engine-0")
    plan = cast.plan(order_type=OrderType.LIMIT, limit_price=Decimal(99_000), quantity=Decimal("0.003"))
    order = await cast.submit(engine.store, plan, lease)
    await engine.store.record(VenueReport(order_id=order.order_id, state=OrderState.OPEN, evidence={"t": 1}), lease)
    await engine.store.release([lease], "engine-0")
    return order


def let_the_lease_run_out() -> None:
    BotLease.objects.update(expires_at=None)


async def test_orders_that_another_owner_had_meanwhile_are_not_filled_here(cast: Cast, engine: Engine) -> None:
    order = await resting_entry(cast, engine)
    await engine.roster.acquire()
    execution = engine.roster.runners["simulated", "BTC/USDT"].worker.execution
    assert execution._matcher.live_orders == (order.order_id,)
    await sync_to_async(let_the_lease_run_out)()
    other = await cast.lease(engine.store, holder="monitor")
    await engine.store.release([other], "monitor")
    await engine.roster.acquire()
    assert len(execution._matcher.live_orders) == 0
    await engine.roster.sync()
    assert execution._matcher.live_orders == (order.order_id,), "settled: it rests in the books too"


async def test_orders_of_a_lease_that_only_ran_out_are_kept_until_they_are_settled(cast: Cast, engine: Engine) -> None:
    order = await resting_entry(cast, engine)
    await engine.roster.acquire()
    await sync_to_async(let_the_lease_run_out)()
    await engine.roster.acquire()
    execution = engine.roster.runners["simulated", "BTC/USDT"].worker.execution
    assert execution._matcher.live_orders == (order.order_id,)


async def test_a_request_to_close_is_for_the_position_it_names(cast: Cast, engine: Engine) -> None:
    lease = await cast.lease(engine.store, holder="engine-0")
    await cast.enter(engine.store, lease)
    await engine.store.release([lease], "engine-0")
    await engine.roster.acquire()
    bot = engine.desk.bots[cast.bot.pk]
    held = bot.positions[cast.btc.pk]
    wish = replace(held.position, close_requested=True)
    take_wish(bot, replace(wish, position_id=wish.position_id - 1))
    assert not held.position.close_requested
    take_wish(bot, wish)
    assert held.position.close_requested
