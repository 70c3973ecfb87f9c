"""The running feed with the simulated Upstox, as `WEBSOCKET_MOCK_MODE` gives it: no address set, no credentials."""

from collections.abc import Iterator

import pytest

from marketdata.events import Bar, BookSnapshot, FeedState, QuoteTick, TradeTick
from tests.integration.marketdata.cast import afollow, eventually, listening, running_feed
from tests.simulator_fixture import Simulator, running_simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def market() -> Iterator[Simulator]:
    """Three minutes last three seconds."""
    with running_simulator("--symbols", "BTC/USDT", "--upstox-bar-seconds", "3") as running:
        yield running


@pytest.fixture
def venue(market: Simulator, transactional_db: None, redis_flush: None, settings):
    from marketdata.models import Exchange

    settings.SIMULATOR_URL = market.rest_url
    return Exchange.objects.create(
        code="simulated", name="Upstox", adapter="upstox", environment="simulated", clock="stream"
    )


async def test_nifty_is_live_with_three_minute_bars(venue):
    from marketdata.models import BarRow

    await afollow(exchange="simulated", symbol="NIFTY/INR", follower="test")
    async with listening("NIFTY/INR") as heard, running_feed():
        await heard.until(lambda event: isinstance(event, FeedState) and event.state == "live")
        bar = await heard.until(
            lambda event: isinstance(event, Bar) and event.timeframe == "3m" and event.closed, timeout_s=60
        )
        assert 50_000 <= bar.volume <= 200_000
        assert {type(event) for event in heard.events} >= {QuoteTick, TradeTick, BookSnapshot}
        assert heard.missed == 0
        stored = BarRow.objects.filter(instrument__symbol="NIFTY/INR", timeframe="3m")
        await eventually(lambda: stored.count() >= 200)
