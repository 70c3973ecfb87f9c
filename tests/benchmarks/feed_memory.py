"""Whether a million messages through parser, stream, publisher and Redis leave anything behind, in a process of its own."""

import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import uvloop

from tests.benchmarks.rows import Row

MESSAGES = 1_000_000
# What grows once, buffers and caches, has grown by then.
_WARM_UP = 150_000
_AT_ONCE = 200
BUDGET_MB = 5.0
_MB = 2**20


def run() -> dict[str, Row]:
    found = {}
    for what in ("feed", "loop"):
        measured = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.feed_memory", what], stdout=subprocess.PIPE, text=True, check=True,
            timeout=900,
        )  # fmt: skip
        found[what] = json.loads(measured.stdout.splitlines()[-1])
    return {
        "feed.memory_per_million_messages": Row(
            value=max(0.0, found["feed"]), unit="MB", floor=max(0.0, found["loop"]), budget=BUDGET_MB
        )
    }


async def grown_mb(take: Callable[[bytes, int], Awaitable[None]]) -> float:
    """Memory after a million frames more than after the warm-up. Their ids go on, so that none is a repetition."""
    frames = Frames()
    process = psutil.Process()
    for _ in range(_WARM_UP):
        await take(frames.next(), frames.number)
    gc.collect()
    before = process.memory_info().rss
    for _ in range(MESSAGES):
        await take(frames.next(), frames.number)
    gc.collect()
    return (process.memory_info().rss - before) / _MB


class Frames:
    """A quote, a print and a depth frame of a level each, in turn, as Binance would go on sending them."""

    def __init__(self) -> None:
        self.number = 0
        self._image_id = 1_000

    def next(self) -> bytes:
        self.number += 1
        number, cents = self.number, self.number % 500
        now_ms = time.time_ns() // 1_000_000
        kind = number % 3
        if kind == 0:
            text = (
                f'{{"stream":"btcusdt@bookTicker","data":{{"u":{self._image_id + number},"s":"BTCUSDT","b":"60000.{cents:03}",'
                f'"B":"1.5","a":"60001.{cents:03}","A":"2.5"}}}}'
            )
        elif kind == 1:
            text = (
                f'{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{now_ms},"s":"BTCUSDT","t":{number // 3},'
                f'"p":"60000.{cents:03}","q":"0.1","T":{now_ms},"m":true,"M":true}}}}'
            )
        else:
            first = self._image_id + number - 2
            text = (
                f'{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{now_ms},"s":"BTCUSDT","U":{first},'
                f'"u":{first + 2},"b":[["60000.{cents:03}","{number % 7}"]],"a":[["60001.{cents:03}","{number % 5}"]]}}}}'
            )
        return text.encode()


async def through_the_feed() -> float:
    from marketdata.bus import TickPublisher
    from marketdata.channel_layer import BulkChannelLayer
    from marketdata.exchanges.adapter import BookImage
    from tests.benchmarks.feed_network import SYMBOL, make_feed
    from tradingsite.servers import EmbeddedServers

    with tempfile.TemporaryDirectory(prefix="tradingsite-bench-") as folder:
        servers = EmbeddedServers(local_dir=Path(folder), durable=False)
        servers.start()
        try:
            layer = BulkChannelLayer(hosts=[servers.redis_url], prefix="bench")
            publisher = TickPublisher(exchange="binance", epoch=1, now_ns=time.time_ns, layer=layer)
            publishing = asyncio.create_task(publisher.run())
            feed = make_feed(9, publisher.add, pace=publisher.pace)
            feed.follow([SYMBOL])
            # Nobody listens at that port: frames come from here.
            feed.source.remove(SYMBOL)
            parser = feed.config.adapter.parser(exchange="binance", symbols={"BTCUSDT": SYMBOL}, listings={})
            feed.followed[SYMBOL].stream.connected(time.time_ns())
            image = BookImage(
                exchange="binance", symbol=SYMBOL, bids=((59_000.0, 1.0),), asks=((61_000.0, 1.0),), update_id=1_000,
                ts_event=0, ts_init=time.time_ns(),
            )  # fmt: skip
            feed.take([image])

            async def take(frame: bytes, number: int) -> None:
                feed.take(parser.parse(frame, ts_init=time.time_ns()))
                if number % _AT_ONCE == 0:
                    await publisher.pace()
                    feed.advance()

            grown = await grown_mb(take)
            counts = feed.followed[SYMBOL].stream.counts
            assert counts["book.applied"] > MESSAGES // 4, counts
            publishing.cancel()
            await feed.source.close()
            return grown
        finally:
            servers.stop()


async def nothing(frame: bytes, number: int) -> None:
    if number % _AT_ONCE == 0:
        await asyncio.sleep(0)


def main(what: str) -> None:
    """Print the growth in MB, of the feed or of an empty loop over the same frames."""
    os.environ |= {"DJANGO_SETTINGS_MODULE": "tradingsite.settings", "SECRET_KEY": "benchmark-" * 6}
    import django

    django.setup()
    gc.collect()
    gc.freeze()
    print(json.dumps(uvloop.run(through_the_feed() if what == "feed" else grown_mb(nothing))))


if __name__ == "__main__":
    main(sys.argv[1])
