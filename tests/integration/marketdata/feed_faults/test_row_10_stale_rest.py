"""What REST says is older than what the socket said: it is not believed."""

import pytest

from tests.integration.marketdata.feed_faults.cast import is_book, is_quote, is_state, live_feed, never_goes_back

pytestmark = pytest.mark.usefixtures("venue")


async def test_old_answers_never_turn_the_published_book_back(market):
    async with live_feed(market) as scene:
        await scene.until(is_book)
        await scene.switch("stale_rest", milliseconds=15_000, seconds=60)
        await scene.switch("freeze_data", seconds=60)
        await scene.until(is_state("stale"))
        await scene.until_true(lambda: scene.stream.counts["polled.older"] >= 1)
        assert scene.stream.state == "stale"
        await scene.switch("stale_rest", on=False)
        await scene.until(is_state("fallback"))
        await scene.until(is_quote)
        await scene.switch("freeze_data", on=False)
        await scene.until(is_state("live"))
        await scene.until(is_book)
        assert never_goes_back(scene.listener.events)
        await scene.book_is_the_venues()
