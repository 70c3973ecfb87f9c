"""What time it is at the venue, as far as its stream tells."""

from typing import Protocol

_WINDOW_NS = 60_000_000_000
# A record so far ahead of all others has a wrong time, or our clock was set: enough in a row tell.
AHEAD_NS = 1_000_000_000
_AHEAD_IN_A_ROW = 5
# Before so many records the first may have been the slow one: the image of a quiet book is as old as its last change.
_KNOWN_AFTER = 20
# A stream that jumps back by more than this was started again.
_RESTART_NS = 60_000_000_000
# The clocks of a venue's machines differ by less.
_AGREED_NS = 250_000_000


class VenueClock(Protocol):
    def observe(self, *, ts_event: int, ts_init: int) -> None:
        """Learn from a record that carries the venue's time."""

    def now_ns(self, ts_init: int) -> int:
        """The venue's time at our `ts_init`."""

    def is_ahead(self, ts_event: int, ts_init: int) -> bool:
        """Whether a record is from a time that cannot have come yet."""

    def witness(self, *, least_ns: int, most_ns: int) -> None:
        """Learn what the venue says when it is asked: our clock is ahead of its by something between these."""


class OffsetClock:
    """Our clock, corrected by the venue's estimated offset.

    The offset is the smallest `ts_init - ts_event` of the last one to two minutes: the fastest message shows the
    difference of the clocks plus the shortest way, and slower ones show only their own delay. One record from the future
    is no fast message. Records that are all late look like a clock that was set: only a witness can tell, and what it
    says counts until it is asked again.
    """

    __slots__ = ("_ahead", "_current_ns", "_most_ns", "_previous_ns", "_seen", "_window_ends_ns", "offset_ns")

    def __init__(self) -> None:
        self.offset_ns = 0
        self._current_ns: int | None = None
        self._previous_ns: int | None = None
        self._most_ns: int | None = None
        self._window_ends_ns = 0
        self._ahead = self._seen = 0

    def observe(self, *, ts_event: int, ts_init: int) -> None:
        difference_ns = ts_init - ts_event
        self._seen += 1
        if difference_ns < self.offset_ns - AHEAD_NS and self._seen > _KNOWN_AFTER:
            self._ahead += 1
            if self._ahead < _AHEAD_IN_A_ROW:
                return
            self._current_ns = None
        self._ahead = 0
        if ts_init >= self._window_ends_ns:
            self._previous_ns, self._current_ns = self._current_ns, None
            self._window_ends_ns = ts_init + _WINDOW_NS
        elif self._current_ns is not None and difference_ns >= self._current_ns:
            return
        self._current_ns = difference_ns
        self._settle()

    def now_ns(self, ts_init: int) -> int:
        return ts_init - self.offset_ns

    def is_ahead(self, ts_event: int, ts_init: int) -> bool:
        return ts_init - ts_event < self.offset_ns - AHEAD_NS and self._seen > _KNOWN_AFTER

    def witness(self, *, least_ns: int, most_ns: int) -> None:
        if self.offset_ns < least_ns - _AGREED_NS:
            # No record comes sooner than it was made: what was learned is of before a clock was set.
            self._current_ns = self._previous_ns = None
            self._window_ends_ns = self._ahead = self._seen = 0
        self._most_ns = most_ns
        self._settle()

    def _settle(self) -> None:
        known = [value for value in (self._current_ns, self._previous_ns, self._most_ns) if value is not None]
        self.offset_ns = min(known)


class NewestEventClock:
    """The newest time that the stream has told. Under replay the stream is the clock."""

    __slots__ = ("_newest_ns",)

    def __init__(self) -> None:
        self._newest_ns = 0

    def observe(self, *, ts_event: int, ts_init: int) -> None:
        if ts_event > self._newest_ns or ts_event < self._newest_ns - _RESTART_NS:
            self._newest_ns = ts_event

    def now_ns(self, ts_init: int) -> int:
        return self._newest_ns

    def is_ahead(self, ts_event: int, ts_init: int) -> bool:
        return False

    def witness(self, *, least_ns: int, most_ns: int) -> None:
        """Nobody else knows a recording's time."""


def venue_clock(mode: str) -> VenueClock:
    """`mode` is "system" or "stream", as `Exchange.clock` has it."""
    return NewestEventClock() if mode == "stream" else OffsetClock()
