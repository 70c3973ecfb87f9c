"""What a venue may say or send beside data: each is named, and what is not concerned goes on."""

import pytest

from marketdata.events import FeedState
from marketdata.models import FeedEvent, FeedStatus
from tests.integration.marketdata.cast import afollow, listening, switch_fault
from tests.integration.marketdata.feed_faults.cast import is_quote, is_state, live_feed

pytestmark = pytest.mark.usefixtures("venue")

DEPTH = "/api/v3/depth"


def told(kind: str, text: str):
    return lambda: FeedEvent.objects.filter(kind=kind, message__icontains=text).exists()


async def test_a_frame_of_a_hundred_megabytes_ends_its_socket_and_nothing_else(market):
    async with live_feed(market) as scene:
        await scene.switch("huge_frame", bytes=100_000_000)
        lost = await scene.until(is_state("disconnected"))
        assert "too big" in lost.reason
        await scene.until(is_state("live"))
        await scene.book_is_the_venues()


async def test_maintenance_is_waited_for(market):
    async with live_feed(market) as scene:
        await scene.switch("maintenance", seconds=2)
        await scene.until(is_state("disconnected"))
        await scene.until_true(told("reconnecting", "HTTP 503"))
        await scene.until(is_state("live"))
        await scene.book_is_the_venues()


@pytest.mark.parametrize("executed", [True, False])
async def test_a_refused_symbol_does_not_take_the_good_ones_with_it(market, executed):
    switch_fault(market, "refuse_symbol", symbol="ETHUSDT", executed=executed, seconds=60)
    await afollow(exchange="simulated", symbol="ETH/USDT", follower="bot:1")
    async with live_feed(market) as scene:
        await scene.until_true(
            lambda: FeedStatus.objects.filter(symbol="ETH/USDT", reason__contains="refuses").exists()
        )
        await scene.until(is_quote)
        assert scene.stream.state == "live"


async def test_too_many_requests_are_not_answered_with_more(market):
    async with live_feed(market) as scene:
        banned = scene.used()["rest_418"]
        limited = scene.used()["rest_429"]
        await scene.switch("too_many_requests", milliseconds=1000)
        await scene.switch("skip_depth", symbol="BTCUSDT")
        await scene.until(is_state("resyncing"))
        await scene.until(is_state("live"))
        assert scene.used()["rest_429"] == limited + 1
        assert scene.used()["rest_418"] == banned
        await scene.book_is_the_venues()


async def test_answers_that_are_no_answers_are_asked_for_again(market):
    async with live_feed(market) as scene:
        before, _ = scene.requests(DEPTH)
        await scene.switch("garbage", channel="depth", count=1)
        await scene.switch("skip_depth", symbol="BTCUSDT")
        await scene.until(is_state("resyncing"))
        await scene.until(is_state("live"))
        assert scene.requests(DEPTH)[0] == before + 2
        await scene.book_is_the_venues()


async def test_who_is_never_answered_but_gets_data_is_live(market):
    switch_fault(market, "silent_subscribe", seconds=60)
    async with live_feed(market) as scene:
        await scene.until(is_quote)
        assert scene.stream.state == "live"


async def test_a_symbol_that_is_listed_no_more_is_stale_while_others_go_on(market):
    await afollow(exchange="simulated", symbol="ETH/USDT", follower="bot:1")
    async with listening("ETH/USDT") as other, live_feed(market) as scene:
        await other.until(is_state("live"))
        await scene.switch("delist", symbol="ETHUSDT")
        await other.until(is_state("stale"))
        scene.skip_heard()
        await scene.until(is_quote)
        assert scene.stream.state == "live"


async def test_sockets_that_are_refused_for_long_neither_end_the_fallback_nor_fill_the_list(market):
    async with live_feed(market) as scene:
        await scene.switch("refuse_connections", status=503, seconds=600)
        try:
            await scene.switch("drop_sockets")
            first = await scene.until(is_state("fallback"))
            await scene.until_true(lambda: scene.item.health.failures >= 4)
            # REST answered again since the last try.
            tried = scene.stream.quote.ts_init
            await scene.until(lambda event: is_quote(event) and event.ts_init > tried)
        finally:
            await scene.switch("refuse_connections", on=False)
        await scene.until(is_state("live"))
        events = scene.listener.events
        told = [event.state for event in events[events.index(first) :] if isinstance(event, FeedState)]
        assert "disconnected" not in told
        await scene.until_true(lambda: FeedEvent.objects.filter(kind="fallback").count() == 1)
