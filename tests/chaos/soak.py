"""Ten busy symbols, faults now and then, browsers that come and go: memory, files and tasks stay as they are."""

import asyncio
import contextlib
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import median

import httpx
import psutil
from asgiref.sync import sync_to_async

from bots.models import User
from marketdata.operations import follow
from tests.chaos.browsers import Browser, start_web
from tests.chaos.consumer import consuming
from tests.chaos.faults import GENTLE, all_is_well_again, faults_by_lot
from tests.chaos.outcome import Outcome
from tests.chaos.world import until, world
from tests.integration.marketdata.cast import add_venue
from tests.integration.web.sockets import free_port, sign_in

SYMBOLS = tuple(f"{coin}/USDT" for coin in ("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "DOGE", "AVAX", "DOT", "LTC"))
RATE = 100
BROWSERS = 20
_MB = 2**20
_FAULT_EVERY_S = 4.0
_TASKS = re.compile(rb"^feed_asyncio_tasks (\S+)", re.MULTILINE)
_ALLOWED_SHARE, _ALLOWED_MB = 0.05, 8.0
# Connections and work in progress come and go.
_ALLOWED_MORE = 12.0


@dataclass(slots=True, kw_only=True)
class Samples:
    """One figure over time."""

    name: str
    unit: str
    values: list[float] = field(default_factory=list)

    def judge(self, outcome: Outcome) -> None:
        """Compare the last third with the middle one; the first is the warm-up."""
        third = len(self.values) // 3
        middle, last = median(self.values[third : 2 * third]), median(self.values[2 * third :])
        outcome.figures |= {f"{self.name} {self.unit}, middle": round(middle, 1), f"{self.name}, last": round(last, 1)}
        allowed = middle * _ALLOWED_SHARE + _ALLOWED_MB if self.unit == "MB" else _ALLOWED_MORE
        outcome.expect(
            last <= middle + allowed,
            f"{self.name} grew from {middle:.1f} to {last:.1f} {self.unit} in a third of the time",
        )


async def watch(outcome_samples: dict[str, Samples], *, feed: int, web: int, metrics_url: str) -> None:
    """Take the figures of both processes once a second, until cancelled."""

    def take(name: str, unit: str, value: float) -> None:
        outcome_samples.setdefault(name, Samples(name=name, unit=unit)).values.append(value)

    processes = {"feed": psutil.Process(feed), "web": psutil.Process(web)}
    async with httpx.AsyncClient(timeout=30) as client:
        while True:
            for name, process in processes.items():
                take(f"{name} memory", "MB", process.memory_info().rss / _MB)
                take(f"{name} files", "open", process.num_fds())
                take(f"{name} threads", "running", process.num_threads())
            found = _TASKS.search((await client.get(metrics_url)).content)
            assert found is not None
            take("feed tasks", "running", float(found[1]))
            await asyncio.sleep(1)


async def run(seed: int, seconds: float) -> Outcome:
    rng, outcome = random.Random(seed), Outcome(scenario="soak", seed=seed)
    samples: dict[str, Samples] = {}
    async with world(SYMBOLS, rate=RATE, seed=seed) as there, contextlib.AsyncExitStack() as stack:
        await sync_to_async(add_venue)(there.market)
        for symbol in SYMBOLS:
            await sync_to_async(follow)(exchange="simulated", symbol=symbol, follower="bot:1")
        user = await sync_to_async(User.objects.create_user)("carol")
        cookie = await sync_to_async(sign_in)(user)
        consumer = await stack.enter_async_context(consuming(SYMBOLS, redis_url=there.redis_url))
        door = f"127.0.0.1:{free_port()}"
        feed = there.feed("--http", door)
        web, port = await start_web(there)
        await until(lambda: len(consumer.books) == len(SYMBOLS), timeout_s=60, what="all symbols have a book")
        channels = [f"prices:simulated:{symbol}" for symbol in SYMBOLS]
        channels += [f"candles:simulated:{symbol}:1m" for symbol in SYMBOLS] + ["feeds", "bots", "orders"]
        url = f"ws://127.0.0.1:{port}/ws/trading/{user.pk}"
        browsers = [
            Browser(url=url, cookie=cookie, channels=channels, rng=random.Random(f"{seed} {number}"))
            for number in range(BROWSERS)
        ]
        watching = watch(samples, feed=feed.process.pid, web=web.process.pid, metrics_url=f"http://{door}/metrics")
        tasks = [asyncio.create_task(watching)]
        tasks += [asyncio.create_task(browser.live()) for browser in browsers]
        tasks.append(asyncio.create_task(faults_by_lot(there, rng, outcome, GENTLE, every_s=_FAULT_EVERY_S)))
        began_s, before = time.monotonic(), sum(consumer.accepted.values())
        ended, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        took_s = time.monotonic() - began_s
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in ended:
            outcome.problems.append(f"ended early: {task.exception()!r}")
        outcome.figures["batches a second"] = round((sum(consumer.accepted.values()) - before) / took_s, 1)
        for sample in samples.values():
            sample.judge(outcome)
        heard: Counter[str] = sum((browser.counts for browser in browsers), Counter())
        outcome.counts.update({f"browsers: {name}": count for name, count in heard.items()})
        outcome.expect(
            all(browser.counts["price_update"] for browser in browsers), "a browser heard no price in all this time"
        )
        await all_is_well_again(there, consumer, outcome)
        outcome.expect(consumer.outdated == 0 and set(consumer.accepted) == {1}, "the feed lost its lease on the way")
        for name, command in (("feed", feed), ("web", web)):
            outcome.expect(command.process.poll() is None, f"{name} ended: {command.said[-2000:]}")
        outcome.expect(await asyncio.to_thread(feed.finish) == 0, "the feed did not stop cleanly")
        outcome.problems += there.exceptions()
    return outcome
