"""The simulated exchange's row in the database, its feed, and someone who listens on the channel layer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from marketdata.batches import BatchReader, ReadBatch
from marketdata.bus import tick_group
from marketdata.events import Event
from marketdata.feed.config import FeedConfig, load_config
from marketdata.feed.service import FeedService
from marketdata.models import Exchange
from marketdata.operations import follow
from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator


def add_venue(market: Simulator, **fields) -> Exchange:
    return Exchange.objects.create(
        code="simulated",
        name="Simulated exchange",
        adapter="binance",
        environment="simulated",
        rest_url=market.rest_url,
        websocket_url=market.websocket_url,
        **fields,
    )


def switch_fault(market: Simulator, name: str, **fields) -> None:
    # Patient: with many tests at once the exchange has its turn late.
    httpx.post(f"{market.rest_url}/sim/faults", json={"name": name, **fields}, timeout=30).raise_for_status()


afollow = sync_to_async(follow)


class Listener:
    """Hears one symbol, and keeps everything heard. `until` goes on where it ended, `heard` looks at everything."""

    def __init__(self, symbol: str) -> None:
        self.group = tick_group("simulated", symbol)
        self.reader = BatchReader()
        self.events: list[Event] = []
        self.epochs: list[int] = []
        self.missed = 0
        # How many of the events were looked at.
        self.seen = 0
        self._layer = get_channel_layer()
        self._channel = ""

    async def join(self) -> None:
        self._channel = await self._layer.new_channel()
        await self._layer.group_add(self.group, self._channel)

    async def read(self) -> ReadBatch | None:
        """The next message; None when it is an old leader's."""
        message = await self._layer.receive(self._channel)
        return self.reader.read(message["payload"])

    async def listen(self) -> None:
        """Keep the events of the next message."""
        read = await self.read()
        if read is not None:
            self.missed += read.missed
            self.epochs.append(read.batch.epoch)
            self.events.extend(read.batch.events)

    async def until(self, wanted: Callable[[Event], bool], *, timeout_s: float = PATIENCE_S) -> Event:
        """The next such event after the one that was waited for last, be it in the same message."""
        async with asyncio.timeout(timeout_s):
            while True:
                while self.seen < len(self.events):
                    self.seen += 1
                    if wanted(self.events[self.seen - 1]):
                        return self.events[self.seen - 1]
                await self.listen()

    async def heard(self, wanted: Callable[[Event], bool], *, timeout_s: float = PATIENCE_S) -> Event:
        """The first such event of all; for what happens once, nobody knows before or after what else."""
        at = 0
        async with asyncio.timeout(timeout_s):
            while True:
                for event in self.events[at:]:
                    if wanted(event):
                        return event
                at = len(self.events)
                await self.listen()

    def skip_heard(self) -> None:
        """Look only at what is still to come."""
        self.seen = len(self.events)


@asynccontextmanager
async def listening(symbol: str = "BTC/USDT") -> AsyncIterator[Listener]:
    listener = Listener(symbol)
    await listener.join()
    yield listener


@asynccontextmanager
async def running_feed(config: FeedConfig | None = None, **options) -> AsyncIterator[FeedService]:
    """The feed of the simulated exchange, stopped at the end."""
    service = FeedService(config or await sync_to_async(load_config)("simulated"), **options)
    task = asyncio.create_task(service.run())
    try:
        yield service
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def eventually(check: Callable[[], Any], *, timeout_s: float = PATIENCE_S) -> Any:
    """Ask (in a thread, of the database) until it is true."""
    async with asyncio.timeout(timeout_s):
        while True:
            result = await sync_to_async(check)()
            if result:
                return result
            await asyncio.sleep(0.05)
