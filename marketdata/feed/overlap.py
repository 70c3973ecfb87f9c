"""A socket that is to take over from another: both run until the new one brings everything."""

from collections.abc import Callable, Sequence

from marketdata.exchanges.adapter import VenueEvent
from marketdata.feed.socket import Socket

# A quiet symbol may bring nothing for long: then the new socket is believed without it.
_PATIENCE_S = 5.0
_SETTLE_S = 1.0
_MAX_HELD = 50_000


class Successor:
    """Holds back what the new socket brings until it takes over. `now_s` is the loop's monotonic clock."""

    def __init__(self, *, old: Socket, socket: Socket, now_s: Callable[[], float]) -> None:
        self.socket = socket
        self.held: list[VenueEvent] = []
        self._old = old
        self._now_s = now_s
        self._heard: set[str] = set()
        self._first_s = 0.0
        socket.take = self._hold
        self.mirror()

    def mirror(self) -> None:
        """Carry what the old socket carries by now."""
        for symbol in self.socket.carried.keys() - self._old.carried.keys():
            self.socket.drop(symbol)
        for symbol, streams in self._old.carried.items():
            if symbol not in self.socket.carried:
                self.socket.carry(symbol, streams)

    def is_ready(self, now_s: float) -> bool:
        """Whether it may take over: everything asked for, heard of every symbol, and a moment of both together."""
        if not self.socket.is_subscribed or not self._first_s:
            return False
        since_s = now_s - self._first_s
        return since_s > (_SETTLE_S if self.has_heard_all else _PATIENCE_S) or len(self.held) > _MAX_HELD

    def has_settled(self, now_s: float) -> bool:
        """Whether both have run together for a moment, and nothing is missing between them."""
        return self.has_heard_all and bool(self._first_s) and now_s - self._first_s > _SETTLE_S

    @property
    def has_heard_all(self) -> bool:
        """Whether every symbol has brought something."""
        return self.socket.is_subscribed and self._heard >= self.socket.carried.keys()

    def begin(self) -> None:
        """Its connection is new: what came over an earlier one is of no use."""
        self.held.clear()
        self._heard.clear()
        self._first_s = 0.0

    def _hold(self, events: Sequence[VenueEvent]) -> None:
        if events and not self._first_s:
            self._first_s = self._now_s()
        self.held.extend(events)
        self._heard.update(getattr(event, "symbol", "") for event in events)
