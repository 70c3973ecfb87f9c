"""Redis goes away and comes back: ticks are dropped and counted, consumers see the hole, then everything is told."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer

from marketdata.bus import BatchReader, TickPublisher, tick_group
from marketdata.channel_layer import BulkChannelLayer
from marketdata.events import BookSnapshot
from tests.patience import PATIENCE_S
from tests.unit.marketdata.cast import T0, quote

pytestmark = pytest.mark.servers

BOOK = BookSnapshot(
    exchange="binance", symbol="BTC/USDT", bids=((99.0, 1.0),), asks=((101.0, 1.0),), update_id=1, ts_event=T0, ts_init=T0
)  # fmt: skip


class Cut:
    """A TCP relay in front of Redis that can be cut and opened again on the same port."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, there_writer}
        await asyncio.gather(self._copy(reader, there_writer), self._copy(there_reader, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def publishing(url: str, **options) -> AsyncIterator[TickPublisher]:
    layer = BulkChannelLayer(hosts=[url], prefix="away")
    publisher = TickPublisher(exchange="binance", epoch=1, now_ns=time.time_ns, layer=layer, **options)
    task = asyncio.create_task(publisher.run())
    yield publisher
    task.cancel()
    await layer.flush()


async def wait_for(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not check():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_loss_is_a_hole_and_the_present_state_follows(servers):
    host, _, port = servers["REDIS_URL"].rpartition("@")[2].partition("/")[0].rpartition(":")
    cut = Cut(host, int(port))
    await cut.open()
    url = servers["REDIS_URL"].replace(f"{host}:{port}", f"127.0.0.1:{cut.port}")
    hearing = RedisPubSubChannelLayer(hosts=[servers["REDIS_URL"]], prefix="away")
    channel = await hearing.new_channel()
    await hearing.group_add(tick_group("binance", "BTC/USDT"), channel)
    reader = BatchReader()
    publisher: TickPublisher
    async with publishing(url, on_recovered=lambda: publisher.add("BTC/USDT", [BOOK])) as publisher:
        publisher.add("BTC/USDT", [BOOK])
        first = reader.read((await hearing.receive(channel))["payload"])
        assert not first.is_stale
        await cut.cut()
        for number in range(10):
            publisher.add("BTC/USDT", [quote(99, 101, id=number)])
            await asyncio.sleep(0.01)
        await wait_for(lambda: publisher.is_down)
        await cut.open()
        publisher.add("BTC/USDT", [quote(99, 102, id=99)])
        read = None
        missed = 0
        while read is None or read.is_stale:
            async with asyncio.timeout(PATIENCE_S):
                read = reader.read((await hearing.receive(channel))["payload"])
            missed += read.missed
        assert missed > 0
        assert any(isinstance(event, BookSnapshot) for event in read.batch.events)
        assert publisher.dropped > 0
        assert not publisher.is_down
    await hearing.flush()
    await cut.cut()
