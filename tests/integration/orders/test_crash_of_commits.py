"""The connection to PostgreSQL is cut at COMMIT, before or after it was carried out: never twice, never lost."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from decimal import ROUND_DOWN
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from bots.models import Fill, Order
from bots.orders.checks import broken_invariants
from bots.orders.connections import connection_parameters
from bots.orders.store import OrderStore
from bots.trading.records import SubmittedOrder
from bots.trading.vocabulary import OrderState
from tests.chaos.proxy import Cut, Proxy, proxied
from tests.integration.orders.cast import TERMS, filled, report

CUTS = 40


@pytest.fixture
async def door(cast: Any) -> AsyncIterator[tuple[Proxy, OrderStore]]:
    given = connection.settings_dict
    with proxied(given["HOST"], int(given["PORT"])) as proxy:
        parameters = connection_parameters() | {"host": "127.0.0.1", "port": proxy.port, "sslmode": "disable"}
        pool: Any = AsyncConnectionPool(
            kwargs=parameters,
            min_size=1,
            max_size=2,
            timeout=20,
            open=False,
            check=AsyncConnectionPool.check_connection,
        )
        await pool.open(wait=True, timeout=20)
        yield proxy, OrderStore(pool, terms=TERMS)
        proxy.thaw()
        await pool.close()
    await sync_to_async(connections.close_all)()


async def test_a_commit_whose_answer_is_lost_is_neither_doubled_nor_lost(cast: Any, door: Any) -> None:
    proxy, store = door
    lease = await cast.lease(store)
    rng, counts = random.Random(11), Counter[str]()
    for _ in range(CUTS):
        plan = cast.plan()
        proxy.cut = rng.choice((Cut.BEFORE, Cut.AFTER))
        how = proxy.cut.value
        try:
            answer = await cast.submit(store, plan, lease)
        except (psycopg.OperationalError, PoolTimeout):
            answer = None
        counts[f"{how}: {'sent' if answer is not None else 'not sent'}"] += 1
        orders = [row async for row in Order.objects.filter(intent__slot=plan.slot)]
        # What was committed may be sent, and what is not sent is not in the books.
        assert len(orders) == (1 if isinstance(answer, SubmittedOrder) else 0), (how, answer)
        if not isinstance(answer, SubmittedOrder):
            continue
        order = answer
        proxy.cut = rng.choice((Cut.BEFORE, Cut.AFTER))
        told = filled(order) if rng.random() < 0.3 else report(order, OrderState.CANCELED)
        for _ in range(3):
            try:
                await store.record(told, lease)
                break
            except (psycopg.OperationalError, PoolTimeout):
                counts["recorded again"] += 1
        assert await Fill.objects.filter(order_id=order.order_id).acount() == len(told.fills)
        if told.fills:
            # Room for the next entry.
            position = (await store.load([cast.bot.pk], plan.decided_at_ns)).positions[0]
            leave = await cast.submit(
                store, cast.exit_plan(position, position.quantity.quantize(plan.rules.lot_size, ROUND_DOWN)), lease
            )
            assert isinstance(leave, SubmittedOrder), leave
            await store.record(filled(leave), lease)
    print(f"cuts at COMMIT: {proxy.cuts}, {dict(counts)}")
    assert counts["after: sent"]
    assert counts["before: not sent"]
    assert await sync_to_async(broken_invariants)() == []


async def test_a_frozen_connection_sends_nothing(cast: Any, door: Any) -> None:
    """Nothing is told as sent while the database says nothing; when it answers again, the books say what is true."""
    proxy, store = door
    lease = await cast.lease(store)
    proxy.freeze()
    sending = asyncio.ensure_future(cast.submit(store, cast.plan(), lease))
    done, _ = await asyncio.wait({sending}, timeout=0.5)
    assert not done
    assert not await Order.objects.aexists()
    proxy.thaw()
    assert isinstance(await sending, SubmittedOrder)
    assert await sync_to_async(broken_invariants)() == []


async def test_a_refused_and_a_cut_connection_fail_closed(cast: Any, door: Any) -> None:
    proxy, store = door
    lease = await cast.lease(store)
    proxy.is_refusing = True
    proxy.cut_all()
    with pytest.raises((psycopg.OperationalError, PoolTimeout)):
        async with store.pool.connection(timeout=1) as opened:
            await opened.execute("SELECT 1")
    assert not await Order.objects.aexists()
    proxy.is_refusing = False
    assert isinstance(await cast.submit(store, cast.plan(), lease), SubmittedOrder)
