"""Storms of every fault there is at the exchange, and quiet in between in which all has to heal."""

import asyncio
import contextlib
import random
import time

from asgiref.sync import sync_to_async

from marketdata.models import FeedEvent
from marketdata.operations import follow
from tests.chaos.consumer import consuming
from tests.chaos.faults import ROUGH, all_is_well_again, faults_by_lot
from tests.chaos.outcome import Outcome
from tests.chaos.world import until, world
from tests.integration.marketdata.cast import add_venue

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT")
_STORM_S = 20.0


async def run(seed: int, seconds: float) -> Outcome:
    rng, outcome = random.Random(seed), Outcome(scenario="storm", seed=seed)
    ends_s = time.monotonic() + seconds
    async with world(SYMBOLS, seed=seed) as there:
        await sync_to_async(add_venue)(there.market)
        for symbol in SYMBOLS:
            await sync_to_async(follow)(exchange="simulated", symbol=symbol, follower="bot:1")
        async with consuming(SYMBOLS, redis_url=there.redis_url) as consumer:
            feed = there.feed()
            await until(lambda: len(consumer.books) == len(SYMBOLS), timeout_s=40, what="all symbols have a book")
            while not outcome.counts["storms"] or time.monotonic() < ends_s:
                outcome.counts["storms"] += 1
                storm = asyncio.create_task(faults_by_lot(there, rng, outcome, ROUGH, every_s=1.0))
                await asyncio.sleep(min(_STORM_S, seconds))
                storm.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await storm
                began_s = time.monotonic()
                await all_is_well_again(there, consumer, outcome)
                outcome.slowest("healed_s", time.monotonic() - began_s)
                if outcome.problems:
                    break
            outcome.counts["feed events"] = await FeedEvent.objects.acount()
            outcome.expect(feed.process.poll() is None, f"the feed ended: {feed.said[-2000:]}")
            outcome.expect(await asyncio.to_thread(feed.finish) == 0, "the feed did not stop cleanly")
            outcome.problems += there.exceptions()
    return outcome
