"""More than can be taken: the newest quote wins, no trade is lost, and memory stays within bounds."""

import asyncio
from contextlib import suppress

import pytest

from tests.integration.marketdata.feed_faults.cast import live_feed, trade_ids

pytestmark = pytest.mark.usefixtures("venue")

QUOTES, TRADES = 50_000, 10_000
MOST_PENDING = 20_000


async def test_fifty_thousand_quotes_in_a_second_and_every_trade(market):
    async with live_feed(market) as scene:
        publisher = scene.service.publisher
        most_pending = 0

        async def measure() -> None:
            nonlocal most_pending
            while True:
                most_pending = max(most_pending, publisher._pending_count)
                await asyncio.sleep(0.005)

        async def listen() -> None:
            await scene.listener.until(lambda event: False, timeout_s=120)

        tasks = [asyncio.create_task(measure()), asyncio.create_task(listen())]
        try:
            before = scene.stream.counts.copy()
            await scene.switch("burst", symbol="BTCUSDT", rate=QUOTES, seconds=1)
            await scene.switch("burst", symbol="BTCUSDT", channel="trade", rate=TRADES, seconds=1)
            await scene.until_true(lambda: scene.stream.counts["in.quote"] - before["in.quote"] >= QUOTES)
            await scene.until_true(lambda: scene.stream.counts["in.trade"] - before["in.trade"] >= TRADES)
            await scene.until_true(lambda: scene.stream.state == "live")
            await scene.book_is_the_venues()
            newest = scene.stream.trade.trade_id
            await scene.until_true(lambda: trade_ids(scene.listener.events)[-1:] >= [newest])
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)
        ids = trade_ids(scene.listener.events)
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert len(ids) > TRADES
        assert most_pending <= MOST_PENDING
        assert (publisher.dropped, scene.listener.missed) == (0, 0)
