"""A venue that lets nobody in, beside one that does."""

import pytest

from marketdata.events import BookSnapshot, FeedState
from tests.integration.marketdata.venues.cast import is_live, scene_at
from tests.venues.kraken import KrakenVenue
from tests.venues.kucoin import KucoinVenue


@pytest.mark.usefixtures("transactional_db", "redis_flush")
async def test_an_expired_token_of_one_venue_leaves_the_other_alone():
    kucoin, kraken = await KucoinVenue.start(), await KrakenVenue.start()
    try:
        async with scene_at(kraken, ["BTC/USD"], code="second") as second, scene_at(kucoin, ["BTC/USDT"]) as first:
            await second.first.until(is_live)
            await first.first.until(is_live)
            heard = len(second.first.events)
            kucoin.expire_token()
            kucoin.cut()
            assert "has expired" in await first.told("not_allowed")
            await second.first.until_a_new(BookSnapshot)
            assert not [event for event in second.first.events[heard:] if isinstance(event, FeedState)]
            assert "has expired" in first.service.feed.denied
            assert second.service.feed.denied == ""
            kucoin.has_expired_token = False
            await first.first.until(is_live)
    finally:
        await kucoin.stop()
        await kraken.stop()
