"""Hears symbols as an engine or a browser's hub does, and keeps account of which leader was heard when."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
from channels_redis.pubsub import RedisPubSubChannelLayer

from marketdata.batches import BatchReader, tick_group
from marketdata.events import Batch, BookSnapshot, FeedState

_decode = msgspec.msgpack.Decoder(Batch).decode


class Consumer:
    """`heard` and `accepted` count batches by epoch; `first_ns` is when an epoch was accepted first."""

    def __init__(self, symbols: Sequence[str], *, redis_url: str, exchange: str) -> None:
        self.reader = BatchReader()
        self.heard: Counter[int] = Counter()
        self.accepted: Counter[int] = Counter()
        self.first_ns: dict[int, int] = {}
        # Accepted although the symbol had heard a newer leader: there may be none.
        self.outdated = 0
        self.books: dict[str, BookSnapshot] = {}
        self.states: dict[str, str] = {}
        self.last_ns = 0
        self.is_stale = False
        self._newest: dict[str, int] = {}
        self._groups = [tick_group(exchange, symbol) for symbol in symbols]
        self._layer = RedisPubSubChannelLayer(hosts=[redis_url], prefix="tradingsite")
        self._channel = ""

    async def join(self) -> None:
        self._channel = await self._layer.new_channel()
        for group in self._groups:
            await self._layer.group_add(group, self._channel)

    async def listen(self) -> None:
        """Until cancelled."""
        while True:
            payload = (await self._layer.receive(self._channel))["payload"]
            self.heard[_decode(payload).epoch] += 1
            read = self.reader.read(payload)
            if read is None:
                continue
            batch, self.is_stale, self.last_ns = read.batch, read.is_stale, time.time_ns()
            self.outdated += batch.epoch < self._newest.get(batch.symbol, 0)
            self._newest[batch.symbol] = batch.epoch
            self.first_ns.setdefault(batch.epoch, self.last_ns)
            self.accepted[batch.epoch] += 1
            for event in batch.events:
                if isinstance(event, BookSnapshot):
                    self.books[event.symbol] = event
                elif isinstance(event, FeedState):
                    self.states[event.symbol] = event.state

    async def leave(self) -> None:
        await self._layer.flush()


@asynccontextmanager
async def consuming(symbols: Sequence[str], *, redis_url: str, exchange: str = "simulated") -> AsyncIterator[Consumer]:
    consumer = Consumer(symbols, redis_url=redis_url, exchange=exchange)
    await consumer.join()
    task = asyncio.create_task(consumer.listen())
    try:
        yield consumer
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await consumer.leave()
