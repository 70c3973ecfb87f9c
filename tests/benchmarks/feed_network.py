"""From the venue's socket to the channel layer: throughput in a burst, and how fast a lost connection is back."""

import asyncio
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import uvloop
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from marketdata.connection import ConnectionSettings
from marketdata.events import Event, QuoteTick
from marketdata.exchanges.adapter import Endpoints, Listing
from marketdata.exchanges.binance.venue import BinanceAdapter
from marketdata.feed.config import FeedConfig
from marketdata.feed.exchange_feed import ExchangeFeed
from marketdata.feed.outlets import Outlets
from marketdata.replay import read_capture
from tests.benchmarks.recorded_venue import CAPTURE, FRAMES
from tests.benchmarks.rows import Row

SYMBOL = "BTC/USDT"
CUTS = 15


def run() -> dict[str, Row]:
    return {**uvloop.run(burst()), **uvloop.run(reconnecting())}


def config(port: int) -> FeedConfig:
    return FeedConfig(
        exchange_id=1,
        exchange="binance",
        environment="simulated",
        clock="stream",
        adapter=BinanceAdapter(),
        endpoints=Endpoints(rest_url="http://127.0.0.1:9", websocket_url=f"ws://127.0.0.1:{port}/stream"),
        connection=ConnectionSettings(),
        failed_after=5,
    )


async def burst() -> dict[str, Row]:
    from marketdata.bus import TickPublisher
    from marketdata.channel_layer import BulkChannelLayer
    from tradingsite.servers import EmbeddedServers

    port = 18_000 + random.randrange(1_000)
    venue = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-m", "tests.benchmarks.recorded_venue", str(port)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert venue.stdout is not None
        await asyncio.to_thread(venue.stdout.readline)
        floor_s = await decode_only(port)
        with tempfile.TemporaryDirectory(prefix="tradingsite-bench-") as folder:
            servers = EmbeddedServers(local_dir=Path(folder), durable=False)
            await asyncio.to_thread(servers.start)
            try:
                layer = BulkChannelLayer(hosts=[servers.redis_url], prefix="bench")
                publisher = TickPublisher(exchange="binance", epoch=1, now_ns=time.time_ns, layer=layer)
                ours_s = await through_the_feed(port, publisher)
            finally:
                await asyncio.to_thread(servers.stop)
    finally:
        venue.terminate()
        venue.wait()
    return {
        "feed.socket_to_layer": Row(
            value=FRAMES / ours_s,
            unit="msg per CPU s",
            floor=FRAMES / floor_s,
            budget=60_000,
            higher_is_better=True,
        )
    }


async def reconnecting() -> dict[str, Row]:
    """From a cut of the connection to the next tick; the floor only connects."""
    quote = next(frame.payload for frame in read_capture(CAPTURE) if b"@bookTicker" in frame.payload[:40])

    async def handle(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await socket.recv()
            while True:
                await socket.send(quote, text=True)
                await asyncio.sleep(0.001)

    server = await serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None)
    port = server.sockets[0].getsockname()[1]
    heard = asyncio.Event()

    def tell(symbol: str, events: Sequence[Event]) -> None:
        if any(isinstance(event, QuoteTick) for event in events):
            heard.set()

    feed = make_feed(port, tell)
    ours, floor = [], []
    try:
        feed.follow([SYMBOL])
        for _ in range(CUTS):
            await heard.wait()
            for connection in list(server.connections):
                connection.transport.abort()
            cut_s = time.perf_counter()
            while feed.followed[SYMBOL].stream.is_connected:  # noqa: ASYNC110
                await asyncio.sleep(0)
            heard.clear()
            await heard.wait()
            ours.append(time.perf_counter() - cut_s)
            cut_s = time.perf_counter()
            async with connect(f"ws://127.0.0.1:{port}", compression=None):
                floor.append(time.perf_counter() - cut_s)
    finally:
        await feed.source.close()
        server.close()
    return {
        "feed.reconnect_to_first_tick_p50": Row(
            value=median(ours) * 1e3, unit="ms", floor=median(floor) * 1e3, budget=1_000
        )
    }


async def decode_only(port: int) -> float:
    """CPU seconds to read all of it and decode each frame, without looking into it."""
    decode = msgspec.json.Decoder().decode
    async with connect(f"ws://127.0.0.1:{port}/stream", compression=None, max_queue=4_096) as socket:
        used_s = time.process_time()
        for _ in range(FRAMES):
            decode(await socket.recv(decode=False))
        return time.process_time() - used_s


async def through_the_feed(port: int, publisher: Any) -> float:
    feed = make_feed(port, publisher.add, pace=publisher.pace)
    publishing = asyncio.create_task(publisher.run())
    used_s = time.process_time()
    feed.follow([SYMBOL])
    item = feed.followed[SYMBOL]
    image = next(frame.payload for frame in read_capture(CAPTURE) if frame.payload.startswith(b'{"lastUpdateId"'))
    parser = BinanceAdapter().parser(exchange="binance", symbols={"BTCUSDT": SYMBOL}, listings={})
    while item.messages < FRAMES // 50:  # noqa: ASYNC110 - an event would be work in what is measured
        await asyncio.sleep(0)
    feed.take([parser.parse_image(image, symbol=SYMBOL, ts_init=time.time_ns())])
    while item.messages < FRAMES:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    await publisher.flush(10)
    used_s = time.process_time() - used_s
    publishing.cancel()
    await feed.source.close()
    return used_s


async def no_pace() -> None:
    await asyncio.sleep(0)


def make_feed(
    port: int, publish: Callable[[str, Sequence[Event]], None], *, pace: Callable[[], Awaitable[None]] = no_pace
) -> ExchangeFeed:
    """The feed of one symbol without REST, database and Redis."""
    failed = asyncio.get_running_loop().create_future()
    outlets = Outlets(
        publish=publish,
        note=lambda kind, message, symbol: None,
        keep_bar=lambda symbol, bar: None,
        keep_liquidation=lambda event: None,
        history_kept=lambda symbol, timeframe: None,
        fail=failed.set_exception,
        pace=pace,
    )
    rest: Any = BinanceAdapter().rest(exchange="binance", base_url="", client=None, clock_ns=time.time_ns)  # type: ignore[arg-type]
    feed = ExchangeFeed(config(port), rest=rest, outlets=outlets, rng=random.Random(1))
    one = Decimal("0.00000001")
    btc = Listing(
        symbol=SYMBOL, venue_symbol="BTCUSDT", base="BTC", quote="USDT", tick_size=one, lot_size=one, min_quantity=one,
        max_quantity=one, min_notional=one, active=True,
    )  # fmt: skip
    feed.set_listings([btc])
    return feed
