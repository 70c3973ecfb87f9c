"""Whether a book that ccxt keeps may be believed. ccxt shows results only, so the check looks at those.

A book's number or time must not go back, its sides must not cross, and it must move while trades do: with
`checksum: False` ccxt's Binance drops every update after a hole without a word, and the book stands still for ever.
"""

from enum import StrEnum

from marketdata.events import Level

_FROZEN_AFTER_S = 5.0
_FROZEN_TRADES = 3
# Clocks of venues jitter; a book that is older by more than this began anew.
_TIME_JITTER_MS = 1_000


class Seen(StrEnum):
    """What to do with a book: show it, or leave it out. Gaps are raised."""

    NEW = "new"
    OLD = "old"


class BookGap(Exception):
    """The book cannot be right."""


class BookCheck:
    """Looks at one symbol's books, oldest first. `now_s` is any clock that only goes forward."""

    def __init__(self, *, frozen_after_s: float = _FROZEN_AFTER_S, frozen_trades: int = _FROZEN_TRADES) -> None:
        self._frozen_after_s = frozen_after_s
        self._frozen_trades = frozen_trades
        self.restart()

    def restart(self) -> None:
        """Forget: a new subscription begins."""
        self._nonce: int | None = None
        self._time_ms: int | None = None
        self._top: tuple[Level | None, Level | None] | None = None
        self._moved_s: float | None = None
        self._trades_since = 0

    def look(
        self,
        bids: tuple[Level, ...],
        asks: tuple[Level, ...],
        *,
        nonce: int | None,
        time_ms: int | None,
        now_s: float,
    ) -> Seen:
        """Judge the next book, best first. Raises BookGap."""
        if nonce is not None and self._nonce is not None and nonce < self._nonce:
            raise BookGap(f"its number went back from {self._nonce} to {nonce}")
        if nonce is None and time_ms is not None and self._time_ms is not None and time_ms < self._time_ms:
            if self._time_ms - time_ms > _TIME_JITTER_MS:
                raise BookGap(f"its time went back by {self._time_ms - time_ms} ms")
            return Seen.OLD
        if bids and asks and bids[0][0] >= asks[0][0]:
            raise BookGap(f"it is crossed: bid {bids[0][0]} and ask {asks[0][0]}")
        top = (bids[0] if bids else None, asks[0] if asks else None)
        if (nonce, time_ms, top) != (self._nonce, self._time_ms, self._top) or self._moved_s is None:
            self._moved_s = now_s
            self._trades_since = 0
        self._nonce, self._time_ms, self._top = nonce, time_ms, top
        return Seen.NEW

    def traded(self) -> None:
        """A trade came in: it took something out of the book."""
        self._trades_since += 1

    def frozen_reason(self, now_s: float) -> str:
        """Say why the book counts as frozen, or nothing."""
        if self._moved_s is None or self._trades_since < self._frozen_trades:
            return ""
        still_s = now_s - self._moved_s
        if still_s < self._frozen_after_s:
            return ""
        return f"frozen: it stood still for {still_s:.0f} s while there were {self._trades_since} trades"
