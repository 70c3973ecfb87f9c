"""What people are told of a feed, in the list of events: each thing once, and what goes on less and less often."""

from collections.abc import Callable, Sequence

from marketdata.events import FeedState
from marketdata.feed.followed import Followed
from marketdata.feed.source import Health

_REJECTED_EVERY_NS = 10_000_000_000
_DENIED_EVERY_NS = 60_000_000_000
_KINDS = {
    "live": "live",
    "stale": "stale",
    "resyncing": "gap",
    "fallback": "fallback",
    "refused": "refused",
    "closed": "closed",
}
_MAX_REASONS = 10


class Notices:
    """Calls note(kind, message, symbol) for what is worth telling. `failed_after` failures in a row are a failure."""

    def __init__(self, *, note: Callable[[str, str, str], None], failed_after: int) -> None:
        self.note = note
        # Why the venue does not let us in, or "".
        self.denied = ""
        self._failed_after = failed_after
        self._states: dict[str, str] = {}
        self._denied_ns = 0
        self._malformed_ns = 0
        # By the first symbol of a socket: for what reasons it was down since it last brought data.
        self._down: dict[str, set[str]] = {}

    def forget(self, symbol: str) -> None:
        self._states.pop(symbol, None)
        self._down.pop(symbol, None)

    def state(self, event: FeedState, *, is_silent: bool) -> None:
        """Rejected ticks, which may alternate with good ones, are told apart and less often."""
        kind = _KINDS.get(event.state)
        if kind == "gap" and not event.reason.startswith("order book:"):
            kind = None
        if kind == "stale" and not is_silent:
            kind = None
        if event.state == "live":
            self.denied = ""
        if kind is not None and kind != self._states.get(event.symbol):
            self._states[event.symbol] = kind
            self.note(kind, event.reason or f"{event.symbol} is live.", event.symbol)

    def up(self, symbols: Sequence[str], health: Health) -> None:
        self.denied = ""
        if _is_told(health.failures):
            again = "again " if health.connects > 1 else ""
            self.note("connected", f"Connected {again}for {', '.join(symbols)[:300]}.", "")

    def lost(self, symbol: str) -> None:
        """Its socket was up: whatever state follows is news."""
        self._states.pop(symbol, None)

    def down(self, symbols: Sequence[str], reason: str, health: Health) -> None:
        """A socket was lost, or could not be opened once more. A new reason is told, the same one ever less often."""
        reasons = self._down.setdefault(symbols[0], set())
        if health.failures <= 1:
            reasons.clear()
        is_new = reason not in reasons and len(reasons) < _MAX_REASONS
        reasons.add(reason)
        if is_new or _is_told(health.failures):
            self.note("disconnected" if health.failures <= 1 else "reconnecting", reason, "")
        if health.failures == self._failed_after:
            self.note("failed", f"{health.failures} failures in a row, slow retries go on: {reason}", "")

    def no_listings(self, message: str, count: int) -> None:
        """`count` times in a row the venue did not tell what it lists."""
        if _is_told(count):
            self.note("waiting", f"No list of instruments, it is asked again: {message}", "")

    def not_allowed(self, message: str, now_ns: int) -> None:
        if message != self.denied or now_ns - self._denied_ns > _DENIED_EVERY_NS:
            self.denied, self._denied_ns = message, now_ns
            self.note("not_allowed", message, "")

    def malformed(self, message: str, count: int, now_ns: int) -> None:
        if now_ns - self._malformed_ns > _REJECTED_EVERY_NS:
            self._malformed_ns = now_ns
            self.note("rejected", f"{count} malformed frame{'' if count == 1 else 's'} so far, now: {message}", "")

    def rejections(self, item: Followed, now_ns: int) -> None:
        rejected = item.rejected
        if rejected > item.rejected_told and now_ns - item.rejected_told_ns > _REJECTED_EVERY_NS:
            reasons = ", ".join(
                f"{name.removeprefix('rejected.')} {count}"
                for name, count in sorted(item.stream.counts.items())
                if name.startswith("rejected.")
            )
            message = f"{rejected - item.rejected_told} ticks rejected; since the start: {reasons}."
            item.rejected_told, item.rejected_told_ns = rejected, now_ns
            self.note("rejected", message, item.symbol)


def _is_told(failures: int) -> bool:
    """The first failures in a row, then the 4th, the 8th, the 16th …"""
    return failures & (failures - 1) == 0
