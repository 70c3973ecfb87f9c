"""Where a venue's records come from: its sockets, a child process with CCXT Pro, or a recording."""

from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from marketdata.exchanges.adapter import VenueEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a symbol's connections are: how often they were made, and failures in a row without data between."""

    connects: int = 0
    failures: int = 0


def _nothing(*_: object) -> None:
    """For those who do not record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearer:
    """Who hears a source. Symbols are unified. None of the functions may block.

    take(events): what one frame gave, in order; it may hold Gap, Notice and Acknowledgement too, but no Reply.
    malformed(message, ts_init): a frame that cannot be read. frame(payload, ts_init, socket): each raw frame before it
    is parsed, opened(socket, ts_init, held) for a connection with a new parser, and took_over(symbols, socket) are for a
    recorder. up(symbols, health): subscribed, all their sockets are open; what was known is old.
    down(symbols, reason, health): not all their sockets are open. handover(symbols): from now on another socket, which
    repeats a little, takes over without a gap. refused(symbol, error): the venue does not stream the symbol, others go
    on. not_allowed(message): key or token missing, expired or revoked. note(kind, message): for people. fail(error): an
    error of ours, ends the feed. pace() is awaited every few frames.
    """

    take: Callable[[Sequence[VenueEvent]], None]
    malformed: Callable[[str, int], None]
    frame: Callable[[bytes, int, str], None]
    opened: Callable[[str, int, bool], None] = _nothing
    took_over: Callable[[Sequence[str], str], None] = _nothing
    up: Callable[[Sequence[str], Health], None]
    down: Callable[[Sequence[str], str, Health], None]
    handover: Callable[[Sequence[str]], None]
    refused: Callable[[str, str], None]
    not_allowed: Callable[[str], None]
    note: Callable[[str, str], None]
    fail: Callable[[BaseException], None]
    pace: Callable[[], Awaitable[None]]


class Source(Protocol):
    def add(self, symbol: str, venue_symbol: str) -> None:
        """Begin to stream a symbol, without disturbing the others."""

    def remove(self, symbol: str) -> None: ...

    def resubscribe(self, symbol: str, *, group: str = "") -> None:
        """Ask again for what stopped or has to begin anew: everything, or the streams of one group."""

    def reconnect(self, symbols: Sequence[str]) -> None:
        """Give up the sockets of these symbols for new ones, at once."""

    def unasked(self) -> Set[str]:
        """Symbols that wait for their turn to be asked for, for the first time since their socket is up."""

    def advance(self, now_s: float) -> None:
        """Let time pass: called ten times a second. `now_s` is monotonic."""

    def health(self, symbol: str) -> Health: ...

    async def close(self) -> None: ...
