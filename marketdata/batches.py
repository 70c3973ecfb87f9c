"""How market events cross between processes: group names, batches, and what a consumer must do with them."""

from collections import OrderedDict

import msgspec
from msgspec import Struct

from marketdata.events import Batch, BookSnapshot, Event, FeedState, QuoteTick, Ticker, TradeTick

MESSAGE_TYPE = "ticks.batch"

# Of the states of a feed: what it tells may be used.
_CURRENT = frozenset({"live", "fallback"})

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Batch).decode


class MalformedBatch(ValueError):
    """A message that is no batch: most likely another version of this software sent it."""


def tick_group(exchange: str, symbol: str) -> str:
    """The channel layer group that carries one instrument. Colons of perpetuals may not be in a group's name."""
    return f"ticks.{exchange}.{symbol.replace('/', '-').replace(':', '_')}"


def encode_batch(batch: Batch) -> bytes:
    return _encode(batch)


class ReadBatch(Struct, frozen=True, kw_only=True, gc=False):
    """A batch and what its reader knows.

    `missed` counts the batches lost just before this one. `is_stale` stays true from a loss until a snapshot of the
    book, or word that the feed is live or another source stands in, has arrived.
    """

    batch: Batch
    missed: int
    is_stale: bool


class BatchReader:
    """Reads the batches of any number of instruments, each with its own sequence."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[int, int]] = {}
        self._stale: set[tuple[str, str]] = set()
        # By exchange: one feed leads all of it, so the first symbol that a new leader tells of ends the old one's word.
        self._epochs: dict[str, int] = {}
        self.dropped = 0
        self.missed = 0

    def read(self, payload: bytes) -> ReadBatch | None:
        """Decode one message. None when it comes from a feed that has been replaced, or again.

        Raises MalformedBatch.
        """
        try:
            batch = _decode(payload)
        except msgspec.DecodeError as error:
            raise MalformedBatch(f"{len(payload)} bytes that are no batch of ticks: {error}") from None
        key = (batch.exchange, batch.symbol)
        epoch, sequence = self._last.get(key, (batch.epoch, 0))
        newest = self._epochs.get(batch.exchange, batch.epoch)
        if batch.epoch < newest or (batch.epoch == epoch and batch.sequence <= sequence):
            self.dropped += 1
            return None
        self._epochs[batch.exchange] = batch.epoch
        # Who joins late, or meets a new leader, has missed nothing that can be counted, yet knows nothing either.
        joined = sequence == 0 or batch.epoch > epoch
        missed = 0 if joined else batch.sequence - sequence - 1
        if missed or joined:
            self._stale.add(key)
        self.missed += missed
        self._last[key] = (batch.epoch, batch.sequence)
        if key in self._stale and any(_restores(event) for event in batch.events):
            self._stale.discard(key)
        return ReadBatch(batch=batch, missed=missed, is_stale=key in self._stale)

    def forget(self, exchange: str, symbol: str) -> None:
        """No longer followed: a later batch begins anew."""
        self._last.pop((exchange, symbol), None)
        self._stale.discard((exchange, symbol))
        if all(other != exchange for other, _ in self._last):
            self._epochs.pop(exchange, None)


def _restores(event: Event) -> bool:
    return isinstance(event, BookSnapshot) or (isinstance(event, FeedState) and event.state in _CURRENT)


class ConflatingQueue:
    """A bounded queue of events: quotes, books and tickers conflate to the newest, all else is kept in order.

    At most `max_kept` events are kept beside the conflated ones; beyond that the oldest trade ticks are dropped and
    counted in `overflow`.
    """

    def __init__(self, *, max_kept: int = 10_000) -> None:
        self._max_kept = max_kept
        self._events: OrderedDict[object, Event] = OrderedDict()
        self._kept = 0
        self._number = 0
        self.overflow = 0
        self.conflated = 0

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        if isinstance(event, QuoteTick | BookSnapshot | Ticker):
            key = (type(event), event.exchange, event.symbol)
            if key in self._events:
                self.conflated += 1
                # The newest goes to the end: it was known only after what came before it.
                del self._events[key]
            self._events[key] = event
            return
        if self._kept >= self._max_kept:
            self._drop_oldest_trade()
        self._number += 1
        self._kept += 1
        self._events[self._number] = event

    def drain(self) -> list[Event]:
        """Take everything, oldest first."""
        events = list(self._events.values())
        self._events.clear()
        self._kept = 0
        return events

    def _drop_oldest_trade(self) -> None:
        for key, event in self._events.items():
            if isinstance(event, TradeTick):
                del self._events[key]
                self._kept -= 1
                self.overflow += 1
                return
