"""An exchange that is changed in the admin is streamed anew, with what it is now."""

import asyncio
from dataclasses import replace

import pytest

from marketdata.connection import ConnectionSettings
from marketdata.exchanges.adapter import Endpoints
from marketdata.exchanges.catalog import get_adapter
from marketdata.feed.config import FeedConfig
from marketdata.feed.fleet import Fleet

CONFIG = FeedConfig(
    exchange_id=1,
    exchange="simulated",
    environment="simulated",
    clock="system",
    adapter=get_adapter("binance"),
    endpoints=Endpoints(rest_url="http://127.0.0.1:9", websocket_url="ws://127.0.0.1:9"),
    connection=ConnectionSettings(),
    failed_after=5,
)


class Service:
    def __init__(self, config: FeedConfig) -> None:
        self.config = config

    async def run(self) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    "change",
    [
        {"second_source": "kraken"},
        {"divergence_bps": 20.0},
        {"failed_after": 2},
        {"environment": "live"},
        {"connection": ConnectionSettings(reconnect_max_s=7)},
    ],
)
async def test_what_changes_an_exchange_starts_its_feed_anew(change):
    fleet = Fleet(Service)
    try:
        await fleet._match([CONFIG])
        await fleet._match([CONFIG])
        first = fleet.services[0]
        changed = replace(CONFIG, **change)
        await fleet._match([changed])
        (now,) = fleet.services
        assert (now is first, now.config) == (False, changed)
        await fleet._match([changed])
        assert fleet.services == [now]
    finally:
        await fleet.close(timeout_s=30)
