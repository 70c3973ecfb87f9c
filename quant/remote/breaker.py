"""A circuit breaker: a service that fails again and again is left alone for a while, then tried with one request."""

from enum import StrEnum

NS_PER_S = 1_000_000_000


class Circuit(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Opens after `failures` in a row for `open_s`; each probe that fails doubles that, up to `most_s`. Time is given."""

    def __init__(self, *, failures: int = 5, open_s: float = 15.0, most_s: float = 240.0) -> None:
        self._failures = failures
        self._first_s = self._open_s = open_s
        self._most_s = most_s
        self._until_ns: int | None = None
        self._probing = False
        self.in_a_row = 0

    def state(self, now_ns: int) -> Circuit:
        if self._until_ns is None:
            return Circuit.CLOSED
        return Circuit.OPEN if now_ns < self._until_ns else Circuit.HALF_OPEN

    def admits(self, now_ns: int) -> Circuit | None:
        """The state a request is let through in, or None. Half open lets one through: it must report back."""
        state = self.state(now_ns)
        if state is Circuit.OPEN or (state is Circuit.HALF_OPEN and self._probing):
            return None
        self._probing = state is Circuit.HALF_OPEN
        return state

    def succeeded(self) -> None:
        self._probing = False
        self._until_ns = None
        self._open_s = self._first_s
        self.in_a_row = 0

    def failed(self, now_ns: int, admitted: Circuit) -> None:
        self.in_a_row += 1
        if admitted is Circuit.HALF_OPEN:
            self._open_s = min(self._most_s, self._open_s * 2)
            self._open(now_ns)
        elif self._until_ns is None and self.in_a_row >= self._failures:
            self._open(now_ns)

    def abandoned(self, admitted: Circuit) -> None:
        """The request ended without an answer for or against the service: the next may probe."""
        if admitted is Circuit.HALF_OPEN:
            self._probing = False

    def _open(self, now_ns: int) -> None:
        self._probing = False
        self._until_ns = now_ns + int(self._open_s * NS_PER_S)
