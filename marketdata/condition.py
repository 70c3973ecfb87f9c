"""Whether what arrives for a symbol may be traded on, and if not, why: the rules, without the data."""

from marketdata.quality import HOLDING, Reason

# What may be replaced by another source: the venue gives nothing that could be traded on.
STANDS_IN = frozenset({"stale", "disconnected", "refused", "fallback"})
# What holds a symbol again so soon holds it until nothing of the kind has come for a while.
_AGAIN_NS = 10_000_000_000
_CALM_NS = 1_000_000_000


class Condition:
    """What is known about a symbol's stream. `restate` finds the state that follows from it.

    States: connecting, live, stale, resyncing, fallback (another source stands in), disconnected, closed (the market
    is), refused (the venue does not stream it).
    """

    __slots__ = ("_held_ns", "_holds_again", "closed", "connected", "diverged", "down_reason", "held", "reason", "refused", "resync_reason",
                 "retried", "silent", "source", "state")  # fmt: skip

    def __init__(self) -> None:
        self.state = "connecting"
        self.reason = "waiting for the first tick"
        self.source = "websocket"
        self.connected = False
        self.down_reason = "waiting for a connection"
        self.silent = ""
        self.held: Reason | None = None
        self._held_ns = 0
        self._holds_again = False
        self.resync_reason = ""
        self.closed = ""
        self.refused = ""
        # Asked for again since it was refused: what comes now shows that it is no longer.
        self.retried = False
        self.diverged = ""

    def connect(self) -> None:
        self.connected = True
        self.silent = self.resync_reason = self.refused = ""
        self.retried = False
        self.held = None

    def disconnect(self, reason: str) -> None:
        self.connected = False
        self.down_reason = reason
        self.silent = self.resync_reason = ""

    def hold(self, reason: Reason, ts_init: int) -> bool:
        """A record that cannot be true, or is late, arrived. Whether that holds the symbol, which was not held before."""
        if reason is not Reason.SKEWED and reason not in HOLDING:
            return False
        is_held = self.held is not None
        if not is_held:
            self.held = reason
            self._holds_again = self._held_ns > 0 and ts_init - self._held_ns < _AGAIN_NS
        self._held_ns = ts_init
        return not is_held

    def is_calm(self, ts_init: int) -> bool:
        """Whether what holds the symbol may be over: else it and good records would take turns many times a second."""
        return not self._holds_again or ts_init - self._held_ns >= _CALM_NS

    def release(self) -> None:
        """A plausible price or book arrived: whatever held the symbol is over, except lateness."""
        if self.held is not Reason.SKEWED:
            self.held = None
        self.silent = ""
        if self.retried:
            self.refused, self.retried = "", False

    @property
    def is_silent(self) -> bool:
        """Whether the socket is up and yet brings nothing, or not all of it."""
        return self.connected and bool(self.silent) and not self.closed

    @property
    def is_watched(self) -> bool:
        """Whether something should come."""
        return self.connected and not self.closed

    @property
    def needs_stand_in(self) -> bool:
        """Whether the venue's socket gives nothing that may be traded on."""
        return self.state in STANDS_IN

    @property
    def trouble(self) -> str:
        """Why another source is asked."""
        return self.down_reason if not self.connected else self.refused or self.silent or self.diverged

    def restate(self, *, book_is_valid: bool, has_quote: bool, stand_in: str = "") -> bool:
        """Find the state and its reason. Whether they changed. `stand_in` names who stands in for the socket."""
        state, reason = self._find(book_is_valid=book_is_valid, has_quote=has_quote)
        if stand_in:
            by = "REST polling" if stand_in == "rest" else f"prices of {stand_in}"
            state, reason = "fallback", f"{by}: {self.trouble or reason}"
        self.source = stand_in or "websocket"
        changed = state != self.state or reason != self.reason
        self.state, self.reason = state, reason
        return changed

    def _find(self, *, book_is_valid: bool, has_quote: bool) -> tuple[str, str]:
        if self.closed:
            return "closed", self.closed
        if not self.connected:
            return "disconnected", self.down_reason
        if self.refused:
            return "refused", self.refused
        if self.silent:
            return "stale", self.silent
        if self.diverged:
            return "stale", self.diverged
        if self.held is not None:
            return "stale", f"{self.held} data from the venue"
        if not book_is_valid:
            return "resyncing", self.resync_reason or "waiting for the order book"
        if not has_quote:
            return "connecting", "waiting for the first quote"
        return "live", ""
