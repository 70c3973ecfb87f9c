"""Many bad updates: one recovery at a time, later and later, not one each."""

import pytest

from tests.integration.marketdata.feed_faults.cast import live_feed

pytestmark = pytest.mark.usefixtures("venue")

DEPTH = "/api/v3/depth"


async def test_a_hundred_bad_updates_cost_few_images_and_never_two_at_once(market):
    async with live_feed(market) as scene:
        before, _ = scene.requests(DEPTH)
        await scene.switch("bad_depth", symbol="BTCUSDT", count=100, seconds=2)
        await scene.until_true(lambda: scene.stream.gaps > 0)
        await scene.until_true(lambda: sum(scene.stream.counts.values()) and scene.stream.counts["in.delta"] > 120)
        await scene.until_true(lambda: scene.stream.state == "live")
        after, at_once = scene.requests(DEPTH)
        assert 1 <= after - before <= 6
        assert at_once == 1
        await scene.book_is_the_venues()
