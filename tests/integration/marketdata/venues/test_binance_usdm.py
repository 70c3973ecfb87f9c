"""Binance's perpetuals in the running feed: two routes, each with a socket of its own, against the simulated exchange."""

from collections.abc import Iterator

import pytest

from marketdata.events import BookSnapshot, FeedState, Funding, Liquidation, Premium, QuoteTick, Ticker, TradeTick
from marketdata.models import Exchange, FeedStatus
from tests.integration.marketdata.cast import afollow, eventually, listening, running_feed
from tests.integration.marketdata.venues.cast import is_live, is_state
from tests.simulator_fixture import Simulator, running_simulator

PERPETUAL = "BTC/USDT:USDT"


def is_a(kind):
    return lambda event: isinstance(event, kind)


def is_book(event):
    return isinstance(event, BookSnapshot)


def is_trade(event):
    return isinstance(event, TradeTick)


@pytest.fixture(scope="module")
def market() -> Iterator[Simulator]:
    with running_simulator("--symbols", "BTC/USDT", "--history-days", "1") as simulator:
        yield simulator


@pytest.fixture
def venue(market: Simulator, transactional_db: None, redis_flush: None, settings) -> Exchange:
    settings.SIMULATOR_URL = market.rest_url
    return Exchange.objects.create(
        code="simulated", name="Perpetuals", adapter="binance-usdm", environment="simulated", reconnect_max_s=0.5
    )


async def test_both_routes_make_a_symbol_live_and_either_takes_it_down(venue):
    await afollow(exchange="simulated", symbol=PERPETUAL, follower="test")
    async with listening(PERPETUAL) as heard, running_feed() as service:
        await heard.until(is_live)
        sockets = {socket.route: socket for socket in service.feed.source.sockets}
        assert sockets.keys() == {"public", "market"}
        assert all(socket.is_up for socket in sockets.values())
        wanted = {BookSnapshot, QuoteTick, TradeTick, Ticker, Funding, Premium, Liquidation}
        for kind in wanted:
            await heard.heard(is_a(kind))
        premium = next(event for event in heard.events if isinstance(event, Premium))
        assert premium.mark == pytest.approx(premium.index, rel=0.01)
        assert all(event.symbol == PERPETUAL for event in heard.events)
        for number, (route, other) in enumerate((("public", "market"), ("market", "public")), start=1):
            sockets[route].connection._socket.transport.abort()
            await heard.until(is_state("disconnected"))
            assert sockets[other].is_up
            await heard.until(is_live)
            assert sockets[route].connection.connects == 2
            assert sockets[other].connection.connects == number
            del heard.events[:]
            heard.skip_heard()
            await heard.until(is_book)
            await heard.until(is_trade)
        assert not [event for event in heard.events if isinstance(event, FeedState) and event.state != "live"]
        await eventually(lambda: FeedStatus.objects.filter(symbol=PERPETUAL, reconnects=1, state="live").exists())
