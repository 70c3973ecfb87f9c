"""What waits to be written to one browser: events in order, the newest of everything else. Pure."""

from collections import deque

MAX_EVENTS = 512
MAX_BYTES = 4_000_000


class Outbox:
    """Bounded. Prices and candles conflate by their channel; events are kept in order until there are too many."""

    def __init__(self, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._events: deque[str] = deque()
        self._latest: dict[str, str] = {}
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._bytes = 0
        self.conflated = 0

    def __len__(self) -> int:
        return len(self._events) + len(self._latest)

    def put_event(self, text: str) -> bool:
        """False when the browser is too far behind to go on: it must come again and catch up."""
        self._events.append(text)
        self._bytes += len(text)
        # One message alone always fits, else a long snapshot could never be sent.
        return len(self._events) <= self._max_events and (self._bytes <= self._max_bytes or len(self._events) == 1)

    def put_latest(self, key: str, text: str) -> None:
        if key in self._latest:
            self.conflated += 1
        self._latest[key] = text

    def take(self) -> str | None:
        """The next message, events first; None when nothing waits."""
        if self._events:
            text = self._events.popleft()
            self._bytes -= len(text)
            return text
        for key in self._latest:
            return self._latest.pop(key)
        return None
