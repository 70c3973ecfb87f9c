"""PostgreSQL goes away while the feed runs: ticks flow on, and what could not be stored is stored afterwards."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from marketdata.events import FeedState, HistoryReady, QuoteTick
from marketdata.history import load_bars
from marketdata.models import BarRow, FeedStatus
from tests.integration.marketdata.cast import afollow, eventually, listening, running_feed

pytestmark = pytest.mark.usefixtures("venue")


class Database:
    """The test database as its administrator takes it away: from another database of the same server."""

    def __init__(self) -> None:
        configured = connection.settings_dict
        self._name = configured["NAME"]
        self._parameters: dict[str, Any] = {
            "host": configured["HOST"], "port": configured["PORT"], "user": configured["USER"],
            "password": configured["PASSWORD"], "dbname": "postgres", "autocommit": True,
        }  # fmt: skip

    def take_away(self) -> None:
        connections.close_all()
        with psycopg.connect(**self._parameters) as administrator:
            administrator.execute(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS false')
            administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [self._name]
            )

    def give_back(self) -> None:
        with psycopg.connect(**self._parameters) as administrator:
            administrator.execute(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS true')


@pytest.fixture
def database(venue: object) -> Iterator[Database]:
    found = Database()
    yield found
    found.give_back()
    connections.close_all()


async def test_ticks_flow_on_and_bars_wait_until_it_is_back(database: Database) -> None:
    await afollow(exchange="simulated", symbol="ETH/USDT", follower="bot:1")
    async with listening() as listener, running_feed() as service:
        await eventually(lambda: FeedStatus.objects.filter(symbol="ETH/USDT", state="live").exists())
        seen_at = (await FeedStatus.objects.aget()).updated_at
        await sync_to_async(database.take_away)()
        # Wanted while nobody can write it down.
        service._wanted.add("BTC/USDT")
        await listener.until(lambda event: isinstance(event, FeedState) and event.state == "live")
        recorder = service._recorder
        await eventually(lambda: recorder.is_down and len(recorder._bars) >= 499)
        await listener.until(lambda event: isinstance(event, QuoteTick))
        assert not any(isinstance(event, HistoryReady) for event in listener.events)
        # The last word before it is back: written, this symbol would be unfollowed.
        service._fixed = {"BTC/USDT", "ETH/USDT"}
        await sync_to_async(database.give_back)()
        await listener.heard(lambda event: isinstance(event, HistoryReady))
        bars = await sync_to_async(load_bars)("simulated", "BTC/USDT", "1m", 499)
        assert len(bars) == 499
        assert await BarRow.objects.filter(instrument__symbol="ETH/USDT").aexists()
        await eventually(lambda: FeedStatus.objects.filter(updated_at__gt=seen_at, state="live").count() == 2)
        assert not recorder.is_down
    assert listener.missed == 0
