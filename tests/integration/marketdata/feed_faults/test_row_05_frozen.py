"""A socket that lives and brings nothing, or not all of it: stale by the data's own clock, whatever TCP says."""

import pytest

from tests.integration.marketdata.feed_faults.cast import BTC, is_state, is_trade, live_feed

pytestmark = pytest.mark.usefixtures("venue")

STALE_WITHIN_NS = 3_000_000_000


@pytest.mark.parametrize("channel", ["", "bookTicker", "depth"])
async def test_frozen_data_is_stale_within_three_seconds(market, channel):
    async with live_feed(market) as scene:
        await scene.until(is_trade)
        await scene.switch("freeze_data", symbol="BTCUSDT", channel=channel, seconds=60)
        stale = await scene.until(is_state("stale"))
        frozen = {"bookTicker": scene.stream.quote, "depth": scene.stream.snapshot}
        last = frozen[channel].ts_init if channel else max(scene.stream.quote.ts_init, scene.stream.snapshot.ts_init)
        assert 0 < stale.ts_init - last <= STALE_WITHIN_NS
        assert scene.item.health.connects == 1
        if channel:
            # The other channel goes on, and makes nothing live again.
            moving = "in.delta" if channel == "bookTicker" else "in.quote"
            before = scene.stream.counts[moving]
            await scene.until_true(lambda: scene.stream.counts[moving] > before + 10)
            later = scene.listener.events[scene.listener.events.index(stale) :]
            assert not any(is_state("live")(event) for event in later)
        await scene.switch("freeze_data", on=False)
        await scene.until(is_state("live"))
        await scene.book_is_the_venues()


async def test_frozen_trades_are_stale_once_the_days_summary_tells_of_others(market):
    async with live_feed(market) as scene:
        await scene.until(is_trade)
        await scene.switch("freeze_data", symbol="BTCUSDT", channel="trade", seconds=60)
        stale = await scene.until(is_state("stale"))
        assert stale.reason == "the trades stopped while the market moves"
        await scene.switch("freeze_data", on=False)
        await scene.until(is_state("live"))
        await scene.book_is_the_venues()


async def test_a_half_open_socket_is_stale_and_replaced(market):
    async with live_feed(market) as scene:
        await scene.until(is_trade)
        await scene.switch("half_open", seconds=5)
        stale = await scene.until(is_state("stale"))
        assert 0 < stale.ts_init - scene.stream.quote.ts_init <= STALE_WITHIN_NS
        await scene.until(is_state("live"))
        assert scene.service.feed.source.health(BTC).connects > 1
        await scene.book_is_the_venues()
