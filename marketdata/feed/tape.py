"""What a recorder of raw frames hears of a feed, so that a replay can do the same again."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from marketdata.events import Bar, TradeTick
from marketdata.exchanges.adapter import BookImage, Listing
from marketdata.recording.lines import MarkKind


class Tape(Protocol):
    """None of the functions may block or raise. Times are ours, in nanoseconds."""

    def frame(self, payload: bytes, ts_init: int, socket: str) -> None: ...

    def opened(self, socket: str, ts_init: int, *, held: bool = False) -> None: ...

    def mark(
        self, kind: MarkKind, symbols: Iterable[str], *, ts_init: int, text: str = "", socket: str = ""
    ) -> None: ...

    def wants_books(self, now_ns: int) -> bool: ...

    def book_image(self, image: BookImage) -> None: ...

    def history(self, symbol: str, bars: Sequence[Bar], trades: Sequence[TradeTick], ts_init: int) -> None: ...

    def listings(self, listings: Iterable[Listing], ts_init: int) -> None: ...


class NoTape:
    """Nothing is recorded."""

    def frame(self, payload: bytes, ts_init: int, socket: str) -> None:
        """Nothing."""

    def opened(self, socket: str, ts_init: int, *, held: bool = False) -> None:
        """Nothing."""

    def mark(self, kind: MarkKind, symbols: Iterable[str], *, ts_init: int, text: str = "", socket: str = "") -> None:
        """Nothing."""

    def wants_books(self, now_ns: int) -> bool:
        return False

    def book_image(self, image: BookImage) -> None:
        """Nothing."""

    def history(self, symbol: str, bars: Sequence[Bar], trades: Sequence[TradeTick], ts_init: int) -> None:
        """Nothing."""

    def listings(self, listings: Iterable[Listing], ts_init: int) -> None:
        """Nothing."""
