"""What a tick costs on its way from a frame to an engine."""

import asyncio
import gc
import os
import tempfile
import time
from pathlib import Path

import msgspec

from marketdata.book import OrderBook
from marketdata.events import BookDelta
from marketdata.exchanges.binance.messages import BinanceParser
from marketdata.exchanges.binance.payloads import BookTicker, Depth, Trade
from marketdata.replay import read_capture
from tests.benchmarks.rows import Row, best_seconds, percentile

DATA = Path(os.environ.get("SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
CAPTURE = DATA / "captures" / "binance_spot_btcusdt_20240808.gz"
SYMBOLS = {"BTCUSDT": "BTC/USDT"}
TICKS_PER_S = 1_000
TICKS = 5_000


def run() -> dict[str, Row]:
    # First, as a feed does it: what is loaded by now is no business of the garbage collector while ticks flow.
    gc.collect()
    gc.freeze()
    redis_rows = asyncio.run(through_redis())
    frames = [frame.payload for frame in read_capture(CAPTURE)]
    return {**decoding([frame for frame in frames if b"@" in frame[:40]]), **book(frames), **redis_rows}


def decoding(frames: list[bytes]) -> dict[str, Row]:
    """The recording's mix of frames, against msgspec decoding each into its own type and nothing else."""
    decoders = {
        kind: msgspec.json.Decoder(
            msgspec.defstruct(f"{payload.__name__}Floor", [("data", payload)]), strict=False
        ).decode
        for kind, payload in ((b"tr", Trade), (b"bo", BookTicker), (b"de", Depth))
    }
    pairs = [(decoders[frame[(at := frame.find(b"@") + 1) : at + 2]], frame) for frame in frames]
    parse = BinanceParser(exchange="binance", symbols=SYMBOLS).parse

    def ours() -> None:
        for frame in frames:
            parse(frame, ts_init=1)

    def floor() -> None:
        for decode, frame in pairs:
            decode(frame)

    to_us = 1e6 / len(frames)
    return {
        "feed.frame_to_event": Row(
            value=best_seconds(ours) * to_us,
            unit="us",
            floor=best_seconds(floor) * to_us,
            budget=2,
            budget_is_ratio=True,
        )
    }


def book(frames: list[bytes]) -> dict[str, Row]:
    """A delta of about 36 levels, applied to a valid book; the floor only puts its levels into dictionaries."""
    parser = BinanceParser(exchange="binance", symbols=SYMBOLS)
    image = next(frame for frame in frames if frame.startswith(b'{"lastUpdateId"'))
    start = parser.parse_image(image, symbol="BTC/USDT", ts_init=1)
    events = [parser.parse(frame, ts_init=1)[0] for frame in frames if b"@depth" in frame[:40]]
    deltas = [event for event in events if isinstance(event, BookDelta)]
    fresh = [delta for delta in deltas if delta.last_update_id > start.update_id]

    def ours() -> None:
        book = OrderBook()
        book.apply_image(start)
        for delta in fresh:
            book.apply_delta(delta)

    def floor() -> None:
        bids, asks = dict(start.bids), dict(start.asks)
        for delta in fresh:
            bids.update(delta.bids)
            asks.update(delta.asks)

    levels = sum(len(delta.bids) + len(delta.asks) for delta in fresh)
    scale = 36e6 / levels
    return {
        "feed.book_delta_36_levels": Row(
            value=best_seconds(ours) * scale, unit="us", floor=best_seconds(floor) * scale, budget=15
        )
    }


async def through_redis() -> dict[str, Row]:
    """Feed to engine at 1,000 ticks/s, against a bare PUBLISH and SUBSCRIBE of the same payload."""
    import redis.asyncio as redis

    from marketdata.bus import BatchReader, TickPublisher, tick_group
    from marketdata.channel_layer import BulkChannelLayer
    from marketdata.events import QuoteTick
    from tradingsite.servers import EmbeddedServers

    def tick(number: int) -> QuoteTick:
        now_ns = time.perf_counter_ns()
        return QuoteTick(
            exchange="binance", symbol="BTC/USDT", bid=61837.63, bid_size=3.78826, ask=61837.64, ask_size=1.54698,
            ts_event=now_ns, ts_init=now_ns, update_id=number,
        )  # fmt: skip

    with tempfile.TemporaryDirectory(prefix="tradingsite-bench-") as folder:
        servers = EmbeddedServers(local_dir=Path(folder), durable=False)
        await asyncio.to_thread(servers.start)
        try:
            url = servers.redis_url
            sending, receiving = (BulkChannelLayer(hosts=[url], prefix="bench") for _ in range(2))
            publisher = TickPublisher(exchange="binance", epoch=1, now_ns=time.time_ns, layer=sending)
            channel = await receiving.new_channel()
            await receiving.group_add(tick_group("binance", "BTC/USDT"), channel)

            async def hear(count: int) -> list[float]:
                reader = BatchReader()
                ages: list[float] = []
                while len(ages) < count:
                    read = reader.read((await receiving.receive(channel))["payload"])
                    now_ns = time.perf_counter_ns()
                    ages += [(now_ns - event.ts_init) / 1e6 for event in read.batch.events]
                return ages

            publishing = asyncio.create_task(publisher.run())
            # The layer looks for its first subscription every 100 ms: begin when it has found it.
            publisher.add("BTC/USDT", [tick(0)])
            await hear(1)
            ours = await paced(lambda number: publisher.add("BTC/USDT", [tick(number)]), hear)
            begin = time.perf_counter()
            hearing = asyncio.create_task(hear(50_000))
            for number in range(50_000):
                publisher.add("BTC/USDT", [tick(number)])
                if number % 32 == 0:
                    await publisher.pace()
            await hearing
            per_s = 50_000 / (time.perf_counter() - begin)
            publishing.cancel()

            connection = redis.Redis.from_url(url)
            subscription = connection.pubsub()
            await subscription.subscribe("bare")
            await subscription.get_message(timeout=1)
            encode = msgspec.msgpack.Encoder().encode
            queue: asyncio.Queue[bytes] = asyncio.Queue()

            async def publish_all() -> None:
                while True:
                    await connection.publish("bare", await queue.get())

            async def hear_bare(count: int) -> list[float]:
                decode = msgspec.msgpack.Decoder(QuoteTick).decode
                ages: list[float] = []
                while len(ages) < count:
                    message = await subscription.get_message(ignore_subscribe_messages=True, timeout=1)
                    if message is not None:
                        ages.append((time.perf_counter_ns() - decode(message["data"]).ts_init) / 1e6)
                return ages

            begin = time.perf_counter()
            for _ in range(5_000):
                await connection.publish("nobody", encode(tick(0)))
            bare_per_s = 5_000 / (time.perf_counter() - begin)
            publishing = asyncio.create_task(publish_all())
            bare = await paced(lambda number: queue.put_nowait(encode(tick(number))), hear_bare)
            publishing.cancel()
            await subscription.aclose()
            await connection.aclose()
            await sending.flush()
            await receiving.flush()
        finally:
            await asyncio.to_thread(servers.stop)
    return {
        "feed.to_engine_p50": Row(value=percentile(ours, 50), unit="ms", floor=percentile(bare, 50), budget=1.5),
        "feed.to_engine_p99": Row(value=percentile(ours, 99), unit="ms", floor=percentile(bare, 99), budget=5),
        "feed.to_engine_throughput": Row(
            value=per_s, unit="ticks/s", floor=bare_per_s, budget=50_000, higher_is_better=True
        ),
    }


async def paced(send, hear) -> list[float]:
    """Send at TICKS_PER_S, evenly; give the ages on arrival, in ms."""
    hearing = asyncio.create_task(hear(TICKS))
    begin = time.perf_counter()
    for number in range(TICKS):
        send(number)
        wait_s = begin + (number + 1) / TICKS_PER_S - time.perf_counter()
        await asyncio.sleep(max(0.0, wait_s))
    return await hearing
