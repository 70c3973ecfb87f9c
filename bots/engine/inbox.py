"""Ticks from the channel layer, sorted to the symbols that want them, each with a bounded queue.

Redis may go away: the layer comes back by itself, what was sent meanwhile is lost, and the sequence shows it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

import structlog

from bots.engine.books import BotBooks
from bots.engine.membership import Membership
from bots.trading.records import InstrumentRules, VenueReport
from marketdata.batches import BatchReader, ConflatingQueue, MalformedBatch, ReadBatch, tick_group
from marketdata.clock import VenueClock, venue_clock
from marketdata.events import Event

log = structlog.get_logger(__name__)

MAX_KEPT = 10_000

Instrument = tuple[str, str]


class Inbox:
    """What waits for one symbol. `hole` is set when something was missed, `is_stale` until the book is whole again.

    Slow observations are of other streams: what is missed of those says nothing of the book. Reports of a venue are kept
    apart, for no tick may push one out.
    """

    def __init__(self) -> None:
        self.queue = ConflatingQueue(max_kept=MAX_KEPT)
        self.reports: deque[tuple[BotBooks, InstrumentRules, VenueReport]] = deque()
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

    def report(self, bot: BotBooks, rules: InstrumentRules, report: VenueReport) -> None:
        """What a venue says of an order."""
        self.reports.append((bot, rules, report))
        self.wake.set()

    def observe(self, events: Iterable[Event]) -> None:
        """Slow observations, in the order in which they came among the ticks."""
        for event in events:
            self.queue.put(event)
        self.wake.set()


class Intake:
    """One membership of the channel layer for all symbols of an engine."""

    def __init__(self, layer: Any = None) -> None:
        self.membership = Membership(self.take, layer=layer)
        self._reader = BatchReader()
        self._inboxes: dict[Instrument, Inbox] = {}
        self._epochs: dict[Instrument, int] = {}
        self._clocks: dict[str, VenueClock] = {}
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
            self._match_groups()
        return inbox

    def unfollow(self, exchange: str, symbol: str) -> None:
        self._inboxes.pop((exchange, symbol), None)
        self._reader.forget(exchange, symbol)
        self._epochs.pop((exchange, symbol), None)
        self._match_groups()

    def _match_groups(self) -> None:
        self.membership.want({tick_group(*instrument) for instrument in self._inboxes})

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
