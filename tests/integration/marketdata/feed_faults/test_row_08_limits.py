"""A hundred symbols at once: within every limit of the venue, by the venue's own counters."""

from collections.abc import Iterator

import httpx
import pytest
from asgiref.sync import sync_to_async

from marketdata.exchanges.binance.venue import BinanceAdapter
from tests.integration.marketdata.cast import add_venue, eventually, running_feed, switch_fault
from tests.simulator_fixture import Simulator, running_simulator

SYMBOLS = [f"C{number:03d}/USDT" for number in range(100)]


# The venue counts what it reads in a second: beside other tests it reads what was sent over several at once.
pytestmark = pytest.mark.alone


@pytest.fixture
def wide_market() -> Iterator[Simulator]:
    with running_simulator("--symbols", ",".join(SYMBOLS), "--history-days", "1", "--rate", "1") as simulator:
        yield simulator


async def test_a_hundred_symbols_are_subscribed_within_the_limits(wide_market, transactional_db, redis_flush):
    await sync_to_async(add_venue)(wide_market)
    streams = len(SYMBOLS) * len(BinanceAdapter().streams("X"))

    def state() -> dict:
        return httpx.get(f"{wide_market.rest_url}/sim/limits", timeout=30).json()

    def everything_is_wanted() -> bool:
        return len(httpx.get(f"{wide_market.rest_url}/sim/state", timeout=30).json()["streams"]) == streams

    async with running_feed(symbols=SYMBOLS, dry_run=True):
        await eventually(everything_is_wanted)
        switch_fault(wide_market, "drop_sockets")
        await eventually(lambda: state()["used"]["subscriptions"] >= 2 * streams)
    seen = state()
    limits, used = seen["limits"], seen["used"]
    assert 0 < used["most_messages_in_a_second"] <= limits["messages_per_s"]
    assert streams <= used["most_streams_on_a_socket"] <= limits["streams_on_a_socket"]
    assert 2 <= used["most_connections_in_5min"] <= limits["connections_in_5min"]
    assert (used["cut_for_messages"], used["streams_refused"], used["connections_refused"]) == (0, 0, 0)
    assert (used["rest_429"], used["rest_418"]) == (0, 0)
