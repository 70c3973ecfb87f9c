"""A venue's ping is answered in time however much there is to do."""

from functools import partial

import pytest

from tests.integration.marketdata.feed_faults.cast import Scene, live_feed

pytestmark = pytest.mark.usefixtures("venue")


def has_more(scene: Scene, quotes: int) -> bool:
    return scene.stream.counts["in.quote"] > quotes


async def test_pings_during_a_burst_are_answered(market):
    async with live_feed(market) as scene:
        before = await scene.until_true(scene.used)
        await scene.switch("burst", symbol="BTCUSDT", rate=20_000, seconds=1.5)
        for _ in range(5):
            quotes = scene.stream.counts["in.quote"]
            # The venue cuts after 60 s; here after three.
            await scene.switch("ping_now", milliseconds=3000)
            await scene.until_true(partial(has_more, scene, quotes + 3000))
        await scene.until_true(lambda: scene.used()["pongs"] >= before["pongs"] + 5)
        assert scene.used()["cut_for_silence"] == before["cut_for_silence"]
        assert scene.service.feed.source.health("BTC/USDT").connects == 1
