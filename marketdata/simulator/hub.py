"""Who listens to what: market streams by name, user data by account. A frame is encoded once for all its readers."""

import asyncio
from collections import deque
from collections.abc import Iterable

import msgspec

from marketdata.simulator.private_events import Event, PrivateEvents
from marketdata.simulator.tampering import Tampering

# A reader this far behind is cut off rather than kept in memory.
MAX_QUEUED_FRAMES = 50_000


class Subscriber:
    """One socket's outgoing frames and subscriptions."""

    def __init__(self, *, combined: bool = False) -> None:
        self.combined = combined
        self.streams: set[str] = set()
        # account id → subscription id
        self.accounts: dict[int, int] = {}
        # Came with a listenKey: user data without the envelope.
        self.bare_account = False
        self.queue: deque[bytes] = deque()
        self.ready = asyncio.Event()
        self.overrun = False

    def send(self, frame: bytes) -> None:
        if len(self.queue) >= MAX_QUEUED_FRAMES:
            self.overrun = True
        else:
            self.queue.append(frame)
        self.ready.set()


class Hub:
    """All subscriptions of the venue."""

    def __init__(self, tampering: Tampering, private: PrivateEvents) -> None:
        self._tampering = tampering
        self._private = private
        self._streams: dict[str, set[Subscriber]] = {}
        self._accounts: dict[int, set[Subscriber]] = {}
        self.subscribers: set[Subscriber] = set()
        self.changed = asyncio.Event()

    def subscribe(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        for stream in streams:
            subscriber.streams.add(stream)
            self._streams.setdefault(stream, set()).add(subscriber)
        self.changed.set()

    def unsubscribe(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        for stream in list(streams):
            subscriber.streams.discard(stream)
            readers = self._streams.get(stream, set())
            readers.discard(subscriber)
            if not readers:
                self._streams.pop(stream, None)

    def subscribe_account(self, subscriber: Subscriber, account_id: int) -> int:
        """Give the subscription's id."""
        number = subscriber.accounts.setdefault(account_id, len(subscriber.accounts))
        self._accounts.setdefault(account_id, set()).add(subscriber)
        return number

    def unsubscribe_account(self, subscriber: Subscriber, account_id: int) -> None:
        subscriber.accounts.pop(account_id, None)
        self._accounts.get(account_id, set()).discard(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        self.unsubscribe(subscriber, subscriber.streams)
        for account_id in list(subscriber.accounts):
            self.unsubscribe_account(subscriber, account_id)
        self.subscribers.discard(subscriber)

    def wants(self, stream: str) -> bool:
        return stream in self._streams

    def wants_symbol(self, prefix: str) -> bool:
        """Whether anyone listens to a stream of this symbol, or of all symbols."""
        return any(stream.startswith((f"{prefix}@", "!")) for stream in self._streams)

    def wanted(self) -> set[str]:
        return set(self._streams)

    def publish(self, stream: str, text: str) -> None:
        """Send a raw event to the stream's readers, wrapped for those who asked for combined streams."""
        if stream in self._streams:
            for frame in self._tampering.frames(stream, text) if self._tampering.is_on else (text,):
                self._send(stream, frame)

    def _send(self, stream: str, text: str) -> None:
        raw = wrapped = b""
        for reader in self._streams[stream]:
            if reader.combined:
                wrapped = wrapped or f'{{"stream":"{stream}","data":{text}}}'.encode()
                reader.send(wrapped)
            else:
                raw = raw or text.encode()
                reader.send(raw)

    def publish_recorded(self, stream: str, wrapped: bytes, raw: bytes) -> None:
        """Send a recorded combined frame byte for byte, or what it wraps to readers of raw streams."""
        if self._tampering.is_on:
            self.publish(stream, raw.decode())
            return
        for reader in self._streams.get(stream, ()):
            reader.send(wrapped if reader.combined else raw)

    def announce(self, frame: bytes) -> None:
        """Send a frame to every reader of market streams."""
        for reader in {reader for readers in self._streams.values() for reader in readers}:
            reader.send(frame)

    def publish_private(self, account_id: int, event: Event) -> None:
        """Send a user data event to the account's readers, as the faults of its stream have it."""
        self._private.pass_on(account_id, event, lambda passed: self._send_private(account_id, passed))

    def replay_private(self, count: int) -> None:
        """Send the last events of every account again."""
        for account_id in list(self._accounts):
            for event in self._private.lately(account_id, count):
                self._send_private(account_id, event)

    def end_private(self, now_ms: int) -> None:
        """Tell every reader of user data that it has no more of it."""
        for account_id, readers in list(self._accounts.items()):
            self._send_private(account_id, {"e": "eventStreamTerminated", "E": now_ms})
            for reader in list(readers):
                self.unsubscribe_account(reader, account_id)

    def _send_private(self, account_id: int, event: Event) -> None:
        """In today's envelope, or bare to those who came with a listenKey."""
        for reader in self._accounts.get(account_id, ()):
            number = reader.accounts[account_id]
            reader.send(
                msgspec.json.encode(event if reader.bare_account else {"subscriptionId": number, "event": event})
            )
