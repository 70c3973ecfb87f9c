"""An image older than what the socket brings is fetched again until it is new enough."""

import pytest

from tests.integration.marketdata.feed_faults.cast import books_between, is_book, is_state, live_feed

pytestmark = pytest.mark.usefixtures("venue")


async def test_old_images_are_refused_until_one_fits(market):
    async with live_feed(market) as scene:
        await scene.until(is_book)
        await scene.switch("old_snapshot", symbol="BTCUSDT", count=1, milliseconds=15_000)
        await scene.switch("skip_depth", symbol="BTCUSDT")
        await scene.until(is_state("resyncing", reason="gap"))
        await scene.until(is_state("live"))
        assert scene.stream.counts["book.image older than the stream"] == 1
        assert books_between(scene.listener.events, is_state("resyncing", reason="gap"), is_state("live")) == []
        await scene.book_is_the_venues()
