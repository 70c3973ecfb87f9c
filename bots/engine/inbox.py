"""Ticks from the channel layer, sorted to the symbols that want them, each with a bounded queue.

Redis may go away: the layer comes back by itself, what was sent meanwhile is lost, and the sequence shows it.
"""

import asyncio
import time
from typing import Any

import structlog
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from marketdata.batches import BatchReader, ConflatingQueue, MalformedBatch, ReadBatch, tick_group
from marketdata.clock import VenueClock, venue_clock

log = structlog.get_logger(__name__)

MAX_KEPT = 10_000
_RETRY_S = 1.0

Instrument = tuple[str, str]


class Inbox:
    """What waits for one symbol. `hole` is set when something was missed, `is_stale` until the book is whole again."""

    def __init__(self) -> None:
        self.queue = ConflatingQueue(max_kept=MAX_KEPT)
        self.wake = asyncio.Event()
        self.hole = True
        self.is_stale = True

    def put(self, read: ReadBatch, *, joined: bool) -> None:
        if read.missed or joined:
            self.hole = True
        self.is_stale = read.is_stale
        for event in read.batch.events:
            self.queue.put(event)
        self.wake.set()


class Intake:
    """One membership of the channel layer for all symbols of an engine."""

    def __init__(self, layer: Any = None) -> None:
        self._layer: Any = layer or get_channel_layer()
        self._reader = BatchReader()
        self._inboxes: dict[Instrument, Inbox] = {}
        self._joined: set[Instrument] = set()
        self._epochs: dict[Instrument, int] = {}
        self._clocks: dict[str, VenueClock] = {}
        self._channel = ""
        self._changed = asyncio.Event()
        self.batches = 0
        self.malformed = 0
        self.last_batch_s = 0.0

    @property
    def missed(self) -> int:
        return self._reader.missed

    @property
    def overflow(self) -> int:
        return sum(inbox.queue.overflow for inbox in self._inboxes.values())

    def clock(self, exchange: str, *, mode: str) -> VenueClock:
        """The feed's clock, as its batches tell it."""
        if exchange not in self._clocks:
            self._clocks[exchange] = venue_clock(mode)
        return self._clocks[exchange]

    def now_ns(self, exchange: str) -> int:
        clock = self._clocks.get(exchange)
        return clock.now_ns(time.time_ns()) if clock is not None else time.time_ns()

    def follow(self, exchange: str, symbol: str) -> Inbox:
        inbox = self._inboxes.get((exchange, symbol))
        if inbox is None:
            inbox = self._inboxes[(exchange, symbol)] = Inbox()
            self._changed.set()
        return inbox

    def unfollow(self, exchange: str, symbol: str) -> None:
        self._inboxes.pop((exchange, symbol), None)
        self._reader.forget(exchange, symbol)
        self._epochs.pop((exchange, symbol), None)
        self._changed.set()

    async def keep_groups(self) -> None:
        """Join the groups of what is followed and leave the others, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._match_groups()
            except (RedisError, OSError) as error:
                log.warning("[WS] redis is away: trying again", error=f"{type(error).__name__}: {error}")
                self._changed.set()
                await asyncio.sleep(_RETRY_S)

    async def _match_groups(self) -> None:
        if not self._channel:
            return
        for instrument in sorted(set(self._inboxes) - self._joined):
            await self._layer.group_add(tick_group(*instrument), self._channel)
            self._joined.add(instrument)
        for instrument in sorted(self._joined - set(self._inboxes)):
            await self._layer.group_discard(tick_group(*instrument), self._channel)
            self._joined.discard(instrument)

    async def receive(self) -> None:
        """Take batches until cancelled."""
        while not self._channel:
            try:
                self._channel = await self._layer.new_channel("engine.")
            except (RedisError, OSError) as error:
                log.warning("[WS] redis is away: trying again", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(_RETRY_S)
        self._joined.clear()
        self._changed.set()
        try:
            while True:
                # Cancelling this call gives the channel up, so nothing here waits with a timeout.
                self.take(await self._layer.receive(self._channel))
        finally:
            self._channel = ""

    def take(self, message: dict[str, Any]) -> None:
        """Sort one message of the layer."""
        payload = message.get("payload")
        if not isinstance(payload, bytes):
            return
        try:
            read = self._reader.read(payload)
        except MalformedBatch as error:
            self.malformed += 1
            log.error("[WS] a batch that cannot be read", error=str(error))
            return
        if read is None:
            return
        batch = read.batch
        instrument = (batch.exchange, batch.symbol)
        inbox = self._inboxes.get(instrument)
        if inbox is None:
            return
        self.batches += 1
        self.last_batch_s = time.monotonic()
        clock = self._clocks.get(batch.exchange)
        if clock is not None:
            clock.observe(ts_event=batch.now_ns, ts_init=time.time_ns())
        joined = self._epochs.get(instrument) != batch.epoch
        self._epochs[instrument] = batch.epoch
        inbox.put(read, joined=joined)
