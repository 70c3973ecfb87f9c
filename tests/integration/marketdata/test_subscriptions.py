"""Many symbols at once, within what a venue allows a socket to say."""

from collections.abc import Iterator

import pytest

from tests.integration.marketdata.cast import add_venue, afollow, eventually, listening, running_feed
from tests.simulator_fixture import Simulator, running_simulator

SYMBOLS = [f"C{number}/USDT" for number in range(10, 60)]


@pytest.fixture(scope="module")
def large_market() -> Iterator[Simulator]:
    with running_simulator("--symbols", ",".join(["BTC/USDT", *SYMBOLS]), "--history-days", "1") as simulator:
        yield simulator


@pytest.mark.alone
@pytest.mark.usefixtures("transactional_db", "redis_flush")
async def test_fifty_symbols_join_a_running_socket_without_its_being_closed(large_market):
    from asgiref.sync import sync_to_async

    await sync_to_async(add_venue)(large_market)
    await afollow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    async with listening() as listener, running_feed() as service:
        await listener.until(lambda event: True)
        for number, symbol in enumerate(SYMBOLS):
            await afollow(exchange="simulated", symbol=symbol, follower=f"bot:{number}")
        await eventually(
            lambda: (
                len(service.feed.followed) == 51
                and all(item.stream.state == "live" for item in service.feed.followed.values())
            ),
            timeout_s=60,
        )
        (socket,) = service.feed.source.sockets
        assert socket.connection.connects == 1
        # What was wanted together was asked for together.
        assert socket.requests < 25
