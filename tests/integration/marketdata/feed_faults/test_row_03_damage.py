"""A damaged frame is named and left out; what it carried is missed at the next message."""

import pytest

from tests.integration.marketdata.feed_faults.cast import is_state, live_feed

pytestmark = pytest.mark.usefixtures("venue")


@pytest.mark.parametrize("kind", ["truncate", "html"])
async def test_a_damaged_depth_frame_is_noticed_and_the_book_restored(market, kind):
    async with live_feed(market) as scene:
        malformed = scene.service.feed.counts["malformed"]
        await scene.switch("corrupt_frame", symbol="BTCUSDT", channel="depth", kind=kind)
        assert "gap" in (await scene.until(is_state("resyncing"))).reason
        await scene.until(is_state("live"))
        assert scene.service.feed.counts["malformed"] == malformed + 1
        assert scene.stream.gaps == 1
        await scene.book_is_the_venues()


async def test_thousands_of_damaged_frames_end_nothing(market):
    async with live_feed(market) as scene:
        await scene.switch("corrupt_frame", symbol="BTCUSDT", channel="bookTicker", count=1000, seconds=30)
        await scene.switch("burst", symbol="BTCUSDT", rate=5000, seconds=0.5)
        await scene.until_true(lambda: scene.service.feed.counts["malformed"] > 500)
        await scene.switch("corrupt_frame", on=False)
        await scene.until_true(lambda: scene.stream.state == "live")
        await scene.book_is_the_venues()
        connects = {socket.connection.connects for socket in scene.service.feed.source.sockets}
        assert connects == {1}
