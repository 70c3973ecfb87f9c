"""The venue ends sockets, announced or at their age: another one is there before, and nobody notices."""

from dataclasses import replace
from itertools import pairwise

import pytest
from asgiref.sync import sync_to_async

from marketdata.events import BookSnapshot, FeedState
from marketdata.exchanges.binance.venue import BinanceAdapter
from marketdata.feed.config import load_config
from marketdata.models import FeedEvent
from tests.integration.marketdata.feed_faults.cast import is_quote, live_feed, trade_ids

pytestmark = pytest.mark.usefixtures("venue")

LONGEST_PAUSE_NS = 1_000_000_000


class ShortLived(BinanceAdapter):
    """Binance with sockets of six seconds for 24 hours."""

    limits = replace(BinanceAdapter.limits, lifetime_s=6)


def handovers() -> int:
    return FeedEvent.objects.filter(kind="renewed").count()


def nobody_noticed(events) -> None:
    ids = trade_ids(events)
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    books = [event for event in events if isinstance(event, BookSnapshot)]
    assert all(later.update_id > earlier.update_id for earlier, later in pairwise(books))
    assert max(later.ts_event - earlier.ts_event for earlier, later in pairwise(books)) <= LONGEST_PAUSE_NS
    states = [(event.state, event.reason) for event in events if isinstance(event, FeedState)]
    # The first is that it became live.
    live = next(place for place, (state, _) in enumerate(states) if state == "live")
    assert states[live + 1 :] == []


async def test_an_announced_shutdown_is_overlapped(market):
    async with live_feed(market) as scene:
        await scene.switch("server_shutdown", milliseconds=4000)
        await scene.until_true(handovers)
        # Past the end of the old socket.
        first = scene.stream.quote.ts_init
        await scene.until(lambda event: is_quote(event) and event.ts_init > first + 4_000_000_000)
        nobody_noticed(scene.listener.events)
        assert scene.stream.gaps == 0
        await scene.book_is_the_venues()


async def test_sockets_are_replaced_before_they_are_too_old(market):
    config = replace(await sync_to_async(load_config)("simulated"), adapter=ShortLived())
    async with live_feed(market, config=config) as scene:
        await scene.switch("lifetime", milliseconds=6000, seconds=60)
        await scene.until_true(handovers)
        last = scene.stream.quote.ts_init
        await scene.until(lambda event: is_quote(event) and event.ts_init > last + 1_000_000_000)
        nobody_noticed(scene.listener.events)
        assert not await FeedEvent.objects.filter(kind="disconnected").aexists()
        await scene.book_is_the_venues()


async def test_reconnects_are_still_counted_after_a_replacement(market):
    async with live_feed(market) as scene:
        await scene.switch("drop_sockets")
        await scene.until_true(lambda: scene.item.reconnects == 1)
        await scene.switch("server_shutdown", milliseconds=4000)
        await scene.until_true(handovers)
        await scene.switch("drop_sockets")
        await scene.until_true(lambda: scene.item.reconnects == 2)
