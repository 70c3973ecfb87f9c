"""Kraken's order books on one socket: frames of the book channel to images, deltas and gaps.

Source: https://docs.kraken.com/api/docs/websocket-v2/book.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from marketdata.events import BookDelta
from marketdata.exchanges.adapter import BookImage, Gap, Listing, Notice, NoticeKind, VenueEvent
from marketdata.exchanges.kraken.checksum import ChecksumBook, Precision
from marketdata.exchanges.kraken.payloads import Book, BookData, ExactBook, ExactBookData, time_ns


class _SymbolBook:
    """A symbol's book on this socket.

    `distrusted` says why its next update is worth nothing, `ts_event` is the time of its last update since the image.
    """

    __slots__ = ("checksums", "distrusted", "is_valid", "symbol", "ts_event", "update_id")

    def __init__(self, symbol: str, checksums: ChecksumBook) -> None:
        self.symbol = symbol
        self.checksums = checksums
        self.is_valid = False
        self.distrusted = "an update came before its image"
        self.update_id = 0
        self.ts_event = 0


class Books(dict[str, _SymbolBook]):
    """By the venue's spelling, made when first heard of. Raises KeyError for a symbol that is not in the table."""

    def __init__(self, *, symbols: Mapping[str, str], listings: Mapping[str, Listing], depth: int) -> None:
        super().__init__()
        self._symbols = symbols
        self._listings = listings
        self._depth = depth

    def __missing__(self, venue_symbol: str) -> _SymbolBook:
        symbol = self._symbols[venue_symbol]
        listing = self._listings.get(symbol)
        precision = None
        if listing is not None and listing.price_decimals is not None and listing.size_decimals is not None:
            precision = Precision(listing.price_decimals, listing.size_decimals)
        book = self[venue_symbol] = _SymbolBook(symbol, ChecksumBook(depth=self._depth, precision=precision))
        return book

    def distrust(self, reason: str) -> None:
        for book in self.values():
            if book.is_valid:
                book.is_valid, book.distrusted = False, reason


def book_handler(exchange: str, books: Books) -> Callable[[bytes, int], Sequence[VenueEvent]]:
    decode = msgspec.json.Decoder(Book).decode
    decode_exact = msgspec.json.Decoder(ExactBook).decode

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = decode(frame)
        rows = message.data
        if len(rows) == 1 and message.type == "update":
            row = rows[0]
            return update(books[row.symbol], row, frame, 0, ts_init)
        # All of a frame or nothing: an unknown symbol in it must not hide that another one's book has changed.
        found = [books[row.symbol] for row in rows]
        if message.type == "snapshot":
            exact = decode_exact(frame).data
            return [event for each in zip(found, rows, exact, strict=True) for event in image(*each, ts_init)]
        out: list[VenueEvent] = []
        for position, book in enumerate(found):
            out.extend(update(book, rows[position], frame, position, ts_init))
        return out

    def update(book: _SymbolBook, row: BookData, frame: bytes, position: int, ts_init: int) -> Sequence[VenueEvent]:
        if not book.is_valid:
            return lost(book, book.distrusted, ts_init) if book.distrusted else ()
        ts_event = time_ns(row.timestamp)
        if ts_event < book.ts_event:
            return lost(book, "an update came after a later one", ts_init)
        applied = book.checksums.apply(row.bids, row.asks, row.checksum)
        if applied is None:
            exact = decode_exact(frame).data[position]
            applied = book.checksums.apply_exact(exact.bids, exact.asks, row.checksum)
        bids, asks, matches = applied
        if not matches:
            return lost(book, "the checksum of the book does not match", ts_init)
        if not bids and not asks and (row.bids or row.asks):
            # What it says was so already: the same frame came twice, or the one before it is missing.
            return lost(book, "an update that changes nothing", ts_init)
        book.ts_event = ts_event
        book.update_id = update_id = book.update_id + 1
        return (
            BookDelta(
                exchange=exchange,
                symbol=book.symbol,
                bids=tuple(bids) if bids else (),
                asks=tuple(asks) if asks else (),
                first_update_id=update_id,
                last_update_id=update_id,
                ts_event=ts_event,
                ts_init=ts_init,
            ),
        )

    def image(book: _SymbolBook, row: BookData, exact: ExactBookData, ts_init: int) -> Sequence[VenueEvent]:
        known = book.checksums.precision
        book.is_valid = book.checksums.start(exact.bids, exact.asks, row.checksum)
        book.distrusted, book.ts_event = "", 0
        book.update_id += 1
        if not book.is_valid:
            return lost(book, "the checksum of the book's image does not match", ts_init)
        whole = BookImage(
            exchange=exchange,
            symbol=book.symbol,
            bids=tuple([(level.price, level.qty) for level in row.bids]),
            asks=tuple([(level.price, level.qty) for level in row.asks]),
            update_id=book.update_id,
            ts_init=ts_init,
            ts_event=time_ns(row.timestamp),
            from_stream=True,
        )
        if known is None or known == book.checksums.precision:
            return (whole,)
        message = f"Kraken has changed the decimals of {book.symbol}: its rules are asked for again."
        return (whole, Notice(kind=NoticeKind.LISTINGS_CHANGED, message=message))

    def lost(book: _SymbolBook, reason: str, ts_init: int) -> Sequence[VenueEvent]:
        """Said once; then nothing until the next image."""
        book.is_valid, book.distrusted = False, ""
        return (Gap(symbol=book.symbol, reason=reason, ts_init=ts_init),)

    return handle
