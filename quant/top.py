"""The best bid and ask, from quotes and books, whichever is newer; and what kinds of input an instrument has."""

from typing import NamedTuple

from marketdata.events import BookSnapshot, Level, QuoteTick
from quant.features.bounds import is_price, is_size
from quant.features.lateness import Lateness
from quant.features.skew import Skew
from quant.reading import BUILT_IN, Component

OPTION_BASES = frozenset({"BTC", "ETH"})


def existing_components(exchange: str, symbol: str) -> frozenset[Component]:
    """Built-in components that can exist: open interest only for a perpetual, options only where a chain is traded."""
    exist = set(BUILT_IN)
    if ":" not in symbol:
        exist.discard(Component.OPEN_INTEREST)
    if symbol.split("/")[0] not in OPTION_BASES and exchange != "upstox":
        exist.discard(Component.OPTIONS_FLOW)
    return frozenset(exist)


class BookVerdict(NamedTuple):
    sound: bool
    newer: bool


class TopOfBook:
    """Best quotes. Crossed, zero or non-finite ones, repeats, older ones and those ahead of the clock are refused."""

    __slots__ = (
        "_book_event_ns",
        "_event_ns",
        "_lateness",
        "_skew",
        "_update_id",
        "ask",
        "ask_size",
        "bid",
        "bid_size",
        "left_out",
        "ts",
    )

    def __init__(self) -> None:
        self.ts: int | None = None
        self._event_ns = 0
        self._book_event_ns = 0
        self._update_id = 0
        self._lateness = Lateness()
        self._skew = Skew()
        # Why the last quote or book was refused, if for its timestamp.
        self.left_out = ""
        self.forget()

    def forget(self) -> None:
        """Drop the prices; what is older than them stays refused."""
        self.bid: float | None = None
        self.ask: float | None = None
        self.bid_size = self.ask_size = 0.0

    @property
    def mid(self) -> float | None:
        return None if self.bid is None or self.ask is None else (self.bid + self.ask) / 2.0

    @property
    def spread_bps(self) -> float | None:
        if self.bid is None or self.ask is None:
            return None
        return (self.ask - self.bid) / (self.ask + self.bid) * 2e4

    @property
    def late_ms(self) -> float | None:
        """How much later than at its best the stream arrives."""
        return self._lateness.value_ms

    def on_quote(self, quote: QuoteTick) -> bool:
        """True when it was taken."""
        bid, ask = (quote.bid, quote.bid_size), (quote.ask, quote.ask_size)
        if not _sound(bid, ask) or self._is_ahead("quote", quote.ts_event, quote.ts_init):
            return False
        if not self._is_newer(quote.ts_event, quote.update_id):
            return False
        self._set(bid, ask, quote.ts_event, quote.ts_init, quote.update_id)
        return True

    def on_book(self, book: BookSnapshot) -> BookVerdict:
        """Whether its levels may be used, and whether its top was newer than what was known."""
        older = book.ts_event < self._book_event_ns
        if older or not book.bids or not book.asks:
            return BookVerdict(sound=False, newer=False)
        levels_sound = all(is_price(price) and is_size(size) for price, size in book.bids + book.asks)
        if not levels_sound or not _sound(book.bids[0], book.asks[0]):
            return BookVerdict(sound=False, newer=False)
        if self._is_ahead("book", book.ts_event, book.ts_init):
            return BookVerdict(sound=False, newer=False)
        self._book_event_ns = book.ts_event
        newer = self._is_newer(book.ts_event, book.update_id)
        if newer:
            self._set(book.bids[0], book.asks[0], book.ts_event, book.ts_init, book.update_id)
        return BookVerdict(sound=True, newer=newer)

    def _is_ahead(self, kind: str, ts_event: int, ts_init: int) -> bool:
        is_ahead = self._skew.refuses(ts_event, ts_init)
        seconds = (ts_event - ts_init) / 1e9
        self.left_out = f"left out: a {kind} stamped {seconds:.1f} s ahead of the clock" if is_ahead else ""
        return is_ahead

    def _is_newer(self, ts_event: int, update_id: int) -> bool:
        if ts_event == self._event_ns and update_id and self._update_id:
            return update_id > self._update_id
        return ts_event >= self._event_ns

    def _set(self, bid: Level, ask: Level, ts_event: int, ts_init: int, update_id: int) -> None:
        self.bid, self.bid_size = bid
        self.ask, self.ask_size = ask
        self._event_ns, self._update_id = ts_event, update_id
        self.ts = ts_init if self.ts is None else max(self.ts, ts_init)
        self._lateness.update(ts_event, ts_init)


def _sound(bid: Level, ask: Level) -> bool:
    """Prices above zero, not crossed, sizes not below zero."""
    return is_price(bid[0]) and is_price(ask[0]) and bid[0] < ask[0] and is_size(bid[1]) and is_size(ask[1])
