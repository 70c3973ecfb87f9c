"""The whole recording, played by the simulated exchange through socket, feed and channel layer."""

import json

import pytest
from asgiref.sync import sync_to_async

from marketdata.events import FeedState
from marketdata.replay import read_capture
from tests.integration.marketdata.cast import add_venue, afollow, eventually, listening, running_feed
from tests.simulator_fixture import running_simulator
from tests.unit.marketdata.cast import BTC_CAPTURE, needs_captures

pytestmark = [needs_captures, pytest.mark.usefixtures("transactional_db", "redis_flush")]


def plain_book() -> dict[str, dict[float, float]]:
    """The recording's book by dictionaries alone: the snapshot, then every delta that ends after it."""
    frames = [frame.payload for frame in read_capture(BTC_CAPTURE)]
    snapshot = next(json.loads(frame) for frame in frames if frame.startswith(b'{"lastUpdateId"'))
    deltas = [json.loads(frame)["data"] for frame in frames if b"@depth" in frame[:40]]
    book = {side: {float(price): float(size) for price, size in snapshot[side]} for side in ("bids", "asks")}
    for data in deltas:
        if data["u"] > snapshot["lastUpdateId"]:
            for short, side in (("b", "bids"), ("a", "asks")):
                for price, size in data[short]:
                    book[side][float(price)] = float(size)
    return {side: {price: size for price, size in levels.items() if size} for side, levels in book.items()}


async def test_every_frame_arrives_and_the_book_equals_an_independent_rebuild(tmp_path):
    with running_simulator("--replay", str(BTC_CAPTURE), "--speed", "0", ledger=tmp_path) as market:
        await sync_to_async(add_venue)(market, clock="stream")
        await afollow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
        async with listening() as listener, running_feed() as service:
            await listener.until(lambda event: isinstance(event, FeedState) and event.state == "live")
            stream = service.feed.followed["BTC/USDT"].stream
            await eventually(lambda: stream.counts["in.trade"] >= 9_757)
            await eventually(lambda: stream.counts["in.delta"] >= 3_451)
            counts = dict(stream.counts)
            bids, asks = stream.book.top(20)
    expected = plain_book()
    assert (counts["in.quote"], counts["in.trade"], counts["in.delta"]) == (28_040, 9_757, 3_451)
    assert not [name for name in counts if name.startswith("rejected.")]
    assert bids == tuple(sorted(expected["bids"].items(), reverse=True)[:20])
    assert asks == tuple(sorted(expected["asks"].items())[:20])
    assert listener.missed == 0
