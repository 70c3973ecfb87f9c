"""The feed's end of the bus: events in, batches onto the channel layer.

One message carries whatever arrived for an instrument while the last round was in flight: alone under light load,
fifty at once under heavy load; the messages of all instruments go out together in one round trip. Redis may go away: then events are dropped and counted, the sequence goes on so that
consumers see the hole, and the feed is asked to tell everything again when Redis is back.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from marketdata.batches import (
    MESSAGE_TYPE,
    BatchReader,
    ConflatingQueue,
    MalformedBatch,
    ReadBatch,
    encode_batch,
    tick_group,
)
from marketdata.events import MAX_BATCH, Batch, Event

__all__ = [
    "MESSAGE_TYPE",
    "BatchReader",
    "ConflatingQueue",
    "MalformedBatch",
    "ReadBatch",
    "TickPublisher",
    "tick_group",
]

log = structlog.get_logger(__name__)

# Beyond the first, reading from the venue waits; beyond the second, which only several sockets reach, events go.
_PACED_PENDING = 1_000
_MAX_PENDING = 20_000
_TIMEOUT_S = 5.0
_RETRY_S = 0.5
# Instruments of one round trip.
_MAX_TOGETHER = 100


class TickPublisher:
    """Publishes the events of one venue. `add` never waits; `run` is the task that sends.

    `now_ns` is the feed's clock; `on_recovered` is called when events were lost and the present state may be told again;
    `on_outage` with True when Redis goes away and False when it is back. `group` names the groups in place of the venue,
    where several publishers, each with its own sequence, share them. `layer`: a BulkChannelLayer.
    """

    def __init__(
        self,
        *,
        exchange: str,
        epoch: int,
        now_ns: Callable[[], int],
        on_recovered: Callable[[], None] = lambda: None,
        on_outage: Callable[[bool], None] = lambda is_down: None,
        layer: Any = None,
        group: str = "",
    ) -> None:
        self._exchange = exchange
        self._group = group or exchange
        self._epoch = epoch
        self._now_ns = now_ns
        self._on_recovered = on_recovered
        self._on_outage = on_outage
        self._layer: Any = layer or get_channel_layer()
        self._pending: dict[str, list[Event]] = {}
        self._sequences: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._room = asyncio.Event()
        self._pending_count = 0
        self._has_dropped = False
        self.is_down = False
        self.published = 0
        self.messages = 0
        self.dropped = 0

    @property
    def epoch(self) -> int:
        return self._epoch

    def sequence(self, symbol: str) -> int:
        """The number of the last batch of `symbol`."""
        return self._sequences.get(symbol, 0)

    def add(self, symbol: str, events: Sequence[Event]) -> None:
        queue = self._pending.get(symbol)
        if queue is None:
            queue = self._pending[symbol] = []
        queue.extend(events)
        count = self._pending_count
        self._pending_count = count + len(events)
        if not count:
            # Otherwise `run` is at it, or was woken.
            self._idle.clear()
            self._wake.set()
        elif count > _MAX_PENDING:
            self._drop_pending()

    async def pace(self) -> None:
        """Wait while Redis takes events more slowly than they come; not while it is away."""
        await asyncio.sleep(0)
        while self._pending_count > _PACED_PENDING and not self.is_down:
            self._room.clear()
            await self._room.wait()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                events = self._take()
                self._pending_count -= sum(map(len, events.values()))
                await self._publish(events)
                if self._pending_count <= _PACED_PENDING or self.is_down:
                    self._room.set()
            self._idle.set()

    async def flush(self, timeout_s: float) -> None:
        """Wait until everything was sent, but no longer than `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()

    def _take(self) -> dict[str, list[Event]]:
        """The next events of each symbol, a batch at most. What a busy one has more of goes behind the others."""
        symbols = list(self._pending)[:_MAX_TOGETHER]
        taken = {}
        for symbol in symbols:
            queue = self._pending.pop(symbol)
            taken[symbol] = queue[:MAX_BATCH]
            if len(queue) > MAX_BATCH:
                self._pending[symbol] = queue[MAX_BATCH:]
        return taken

    def _message(self, symbol: str, events: list[Event], now_ns: int) -> dict[str, Any]:
        sequence = self._sequences[symbol] = self._sequences.get(symbol, 0) + 1
        batch = Batch(
            exchange=self._exchange,
            symbol=symbol,
            epoch=self._epoch,
            sequence=sequence,
            now_ns=now_ns,
            events=tuple(events),
        )
        return {"type": MESSAGE_TYPE, "payload": encode_batch(batch)}

    async def _publish(self, taken: dict[str, list[Event]]) -> None:
        now_ns = self._now_ns()
        messages = [
            (tick_group(self._group, symbol), self._message(symbol, events, now_ns)) for symbol, events in taken.items()
        ]
        count = sum(map(len, taken.values()))
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._layer.group_send_many(messages)
        except (RedisError, OSError, TimeoutError) as error:
            await self._failed(count, error)
            return
        self.published += count
        self.messages += len(messages)
        if self.is_down:
            self.is_down = False
            log.warning("[WS] redis is back", exchange=self._exchange, dropped=self.dropped)
            self._on_outage(False)
        if self._has_dropped:
            self._has_dropped = False
            self._on_recovered()

    async def _failed(self, count: int, error: Exception) -> None:
        self.dropped += count
        self._drop_pending()
        if not self.is_down:
            self.is_down = True
            log.error(
                "[WS] redis is away: ticks are dropped until it is back",
                exchange=self._exchange,
                error=f"{type(error).__name__}: {error}",
            )
            self._on_outage(True)
        await asyncio.sleep(_RETRY_S)

    def _drop_pending(self) -> None:
        """Forget what waits, leaving holes in the sequences for consumers to see."""
        self.dropped += self._pending_count
        self._has_dropped = True
        for symbol in self._pending:
            self._sequences[symbol] = self._sequences.get(symbol, 0) + 1
        self._pending.clear()
        self._pending_count = 0
