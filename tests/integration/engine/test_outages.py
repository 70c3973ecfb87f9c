"""Redis or PostgreSQL go away while bots trade: nothing is sent blindly, everything comes back by itself."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection, connections
from redis import Redis

from bots.models import Decision, Order, Position
from bots.orders.checks import broken_invariants
from marketdata.models import BarRow
from tests.integration.engine.market import TestFeed, bars_rows, eventually
from tests.integration.engine.test_engine import PRICE, RunningEngine, closed_trade, eager_bot, enter
from tests.integration.orders.cast import Cast


class Database:
    """The test database as its administrator can take it away: from another database of the same server."""

    def __init__(self) -> None:
        configured = connection.settings_dict
        self.name = configured["NAME"]
        self._parameters: dict[str, Any] = {
            "host": configured["HOST"], "port": configured["PORT"], "user": configured["USER"],
            "password": configured["PASSWORD"], "dbname": "postgres", "autocommit": True,
        }  # fmt: skip

    def _run(self, *statements: str) -> None:
        with psycopg.connect(**self._parameters) as administrator:
            for statement in statements:
                administrator.execute(statement)

    def take_away(self) -> None:
        self._run(f'ALTER DATABASE "{self.name}" ALLOW_CONNECTIONS false')
        self.cut()

    def cut(self) -> None:
        self._run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}' AND pid <> pg_backend_pid()"
        )

    def give_back(self) -> None:
        self._run(f'ALTER DATABASE "{self.name}" ALLOW_CONNECTIONS true')


@pytest.fixture
def database(cast: Cast) -> Iterator[Database]:
    found = Database()
    yield found
    found.give_back()
    connections.close_all()


@pytest.fixture
async def market(cast: Cast, database: Database, redis_flush: None) -> AsyncIterator[TestFeed]:
    await sync_to_async(BarRow.objects.bulk_create)(await sync_to_async(bars_rows)(cast.btc, price=PRICE))
    yield TestFeed()
    assert await sync_to_async(broken_invariants)() == []
    await sync_to_async(connections.close_all)()


async def test_without_its_database_an_engine_sends_nothing_and_goes_on_when_it_is_back(
    cast: Cast, market: TestFeed, database: Database
) -> None:
    await eager_bot(cast)
    async with RunningEngine() as engine:
        position = await enter(market)
        await sync_to_async(connections.close_all)()
        database.take_away()
        for _ in range(200):
            # Below the stop: it wants out, and may not send.
            await market.send(*market.market(PRICE * 0.985))
            if engine.desk.database_error:
                break
            await asyncio.sleep(0.05)
        assert engine.desk.database_error
        database.give_back()
        trade = await market.play(lambda i: PRICE * 0.985, closed_trade)
        assert trade.position_id == position.pk
        await eventually(lambda: not engine.desk.database_error)
    assert await sync_to_async(Order.objects.filter(intent__purpose="exit", state="filled").count)() == 1


async def test_connections_cut_again_and_again_lose_and_double_nothing(
    cast: Cast, market: TestFeed, database: Database
) -> None:
    await eager_bot(cast)
    async with RunningEngine():
        await enter(market)
        for i in range(60):
            await market.send(*market.market(PRICE * (0.985 if i % 20 > 10 else 1.0)))
            if i % 12 == 5:
                await sync_to_async(connections.close_all)()
                database.cut()
            await asyncio.sleep(0.05)
        await market.play(lambda i: PRICE * 0.985, closed_trade)
        # It may have entered again: what it sends must find an end while it runs.
        unanswered = Order.objects.filter(state__in=("sending", "unknown"))
        await market.play(lambda i: PRICE * 0.985, lambda: not unanswered.exists())


async def test_redis_connections_cut_are_a_hole_that_closes_by_itself(cast: Cast, market: TestFeed) -> None:
    await eager_bot(cast)
    async with RunningEngine() as engine:
        await eventually(lambda: engine.roster.runners)
        await market.play(lambda i: PRICE, lambda: Decision.objects.exists())
        with Redis.from_url(settings.REDIS_URL) as administrator:
            administrator.client_kill_filter(_type="pubsub")
        seen = engine.intake.batches
        for _ in range(200):
            await market.send(*market.market(PRICE))
            if engine.intake.batches > seen + 3:
                break
            await asyncio.sleep(0.05)
        assert engine.intake.batches > seen + 3
        await enter(market)
    assert await sync_to_async(Position.objects.exists)()
