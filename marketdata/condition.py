"""Whether what arrives for a symbol may be traded on, and if not, why: the rules, without the data."""

from marketdata.quality import HOLDING, Reason


class Condition:
    """What is known about a symbol's stream. `find` gives the state that follows from it.

    States: connecting, live, stale, resyncing, fallback (another source stands in), disconnected, closed (the market
    is), refused (the venue does not stream it).
    """

    __slots__ = ("closed", "connected", "diverged", "down_reason", "held", "refused", "resync_reason", "silent")

    def __init__(self) -> None:
        self.connected = False
        self.down_reason = "waiting for a connection"
        self.silent = ""
        self.held: Reason | None = None
        self.resync_reason = ""
        self.closed = ""
        self.refused = ""
        self.diverged = ""

    def connect(self) -> None:
        self.connected = True
        self.silent = self.resync_reason = self.refused = ""
        self.held = None

    def disconnect(self, reason: str) -> None:
        self.connected = False
        self.down_reason = reason
        self.silent = self.resync_reason = ""

    def hold(self, reason: Reason) -> bool:
        """A record that cannot be true arrived. Whether that holds the symbol until a plausible one comes."""
        if reason in HOLDING:
            self.held = reason
            return True
        return False

    def release(self) -> None:
        """A plausible price or book arrived: whatever held the symbol is over, except lateness."""
        if self.held is not Reason.SKEWED:
            self.held = None
        self.silent = ""

    @property
    def trouble(self) -> str:
        """Why another source is asked."""
        return self.down_reason if not self.connected else self.silent or self.refused or self.diverged

    def find(self, *, book_is_valid: bool, has_quote: bool) -> tuple[str, str]:
        """The state and its reason."""
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
