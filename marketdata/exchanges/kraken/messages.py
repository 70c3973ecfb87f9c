"""Kraken WebSocket v2 frames to records.

Source: https://docs.kraken.com/api/docs/websocket-v2. The checksum of every image and every update of a book is
verified; what does not match is a Gap instead, and the symbol's book says nothing more until its next image.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from marketdata.events import QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import (
    Acknowledgement,
    BookImage,
    Listing,
    MalformedFrame,
    Notice,
    NoticeKind,
    UnknownVenueSymbol,
    VenueEvent,
)
from marketdata.exchanges.kraken.books import Books, book_handler
from marketdata.exchanges.kraken.payloads import Answer, StatusMessage, TickerMessage, TradeData, TradeMessage, time_ns
from marketdata.exchanges.kraken.rest_payloads import Reply, decode_book, decode_result
from marketdata.exchanges.records import trade_gap

# Where a frame names its channel.
_HEAD = slice(12, 18)
# Answers to asking twice, or to leaving what was left: what was wanted is so.
_AGREED = ("already subscribed", "subscription not found")
_NOT_TRADING = frozenset({"maintenance", "cancel_only", "post_only", "limit_only"})

_Handler = Callable[[bytes, int], Sequence[VenueEvent]]


class KrakenParser:
    """Decodes the frames of one socket. `symbols` and `listings` may grow."""

    def __init__(
        self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing], depth: int
    ) -> None:
        self._exchange = exchange
        self._symbols = symbols
        books = Books(symbols=symbols, listings=listings, depth=depth)
        self._books = books
        handlers: dict[str, _Handler] = {
            "book": book_handler(exchange, books),
            "ticker": _ticker_handler(exchange, symbols),
            "trade": _trade_handler(exchange, symbols),
            "status": _status_handler(),
        }
        self._by_channel = handlers
        self._by_head = {f'{channel}","'.encode()[:6]: handler for channel, handler in handlers.items()}
        self._decode_answer = msgspec.json.Decoder(Answer).decode

    def parse(self, frame: bytes, *, ts_init: int) -> Sequence[VenueEvent]:
        """Decode one frame. Raises MalformedFrame, or UnknownVenueSymbol for a symbol that is not in the table."""
        handle = self._by_head.get(frame[_HEAD])
        try:
            return handle(frame, ts_init) if handle is not None else self._parse_any(frame, ts_init)
        except KeyError as error:
            self._distrust_books(handle)
            raise UnknownVenueSymbol(f"unknown symbol {error}", frame) from None
        except (ValueError, RecursionError) as error:
            self._distrust_books(handle)
            raise MalformedFrame(str(error), frame) from None

    def parse_image(self, frame: bytes, *, symbol: str, ts_init: int) -> BookImage:
        try:
            bids, asks = decode_book(decode_result(frame, Reply).result)
        except (ValueError, RecursionError) as error:
            raise MalformedFrame(f"no depth ({error})", frame) from None
        return BookImage(exchange=self._exchange, symbol=symbol, bids=bids, asks=asks, update_id=0, ts_init=ts_init)

    def _distrust_books(self, handle: _Handler | None) -> None:
        """A frame was refused: unless it was of another channel, nobody knows whose book it would have changed."""
        if handle is None or handle is self._by_channel["book"]:
            self._books.distrust("a frame before this one could not be read")

    def _parse_any(self, frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        answer = self._decode_answer(frame)
        handle = self._by_channel.get(answer.channel)
        if handle is not None:
            return handle(frame, ts_init)
        if answer.channel or answer.method == "pong":
            # Heartbeats, and channels that nobody asked for.
            return ()
        if not answer.method and not answer.error:
            raise ValueError("neither a channel nor an answer")
        return (self._acknowledgement(answer),)

    def _acknowledgement(self, answer: Answer) -> Acknowledgement:
        venue_symbol = answer.symbol or (answer.result.symbol if answer.result is not None else "")
        error = answer.error[:300] or ("" if answer.success else "refused without a reason")
        if not venue_symbol and error:
            # "Currency pair not supported FOO/USD"
            venue_symbol = next((word for word in error.split() if word in self._symbols), "")
        if error.lower().startswith(_AGREED):
            error = ""
        symbol = self._symbols.get(venue_symbol, "")
        return Acknowledgement(request_id=answer.req_id, error=error, symbol=symbol)


# Handlers are closures, not methods: fewer attribute look-ups a frame.


def _ticker_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    decode = msgspec.json.Decoder(TickerMessage).decode
    told: dict[str, tuple[float, float]] = {}

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        out: list[VenueEvent] = []
        for row in decode(frame).data:
            symbol = symbols[row.symbol]
            ts_event = time_ns(row.timestamp)
            out.append(
                QuoteTick(
                    exchange=exchange,
                    symbol=symbol,
                    bid=row.bid,
                    bid_size=row.bid_qty,
                    ask=row.ask,
                    ask_size=row.ask_qty,
                    ts_event=ts_event,
                    ts_init=ts_init,
                )
            )
            # Most of these frames come because a quote changed, and repeat the day's summary.
            if told.get(symbol) != (row.last, row.volume):
                told[symbol] = (row.last, row.volume)
                opened = row.last - row.change
                out.append(
                    Ticker(
                        exchange=exchange,
                        symbol=symbol,
                        last=row.last,
                        change=row.change / opened if opened > 0 else 0.0,
                        high=row.high,
                        low=row.low,
                        volume=row.volume,
                        # The average is weighted by volume: this is what was paid.
                        quote_volume=row.vwap * row.volume,
                        ts_event=ts_event,
                        ts_init=ts_init,
                    )
                )
        return out

    return handle


def _trade_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    """A symbol's trades are numbered without a hole: a Gap comes before the print that shows one."""
    decode = msgspec.json.Decoder(TradeMessage).decode
    expected: dict[str, int] = {}

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = decode(frame)
        if message.type == "snapshot":
            # Prints of before are no live ones: who needs them asks REST. Subscribed again, the numbers begin anew.
            for row in message.data:
                expected.pop(symbols[row.symbol], None)
            return ()
        rows = message.data
        if len(rows) > 1:
            rows.sort(key=_trade_id)
        # All of a frame or nothing: numbers of a frame that is refused are missing.
        prints = [
            TradeTick(
                exchange=exchange,
                symbol=symbols[row.symbol],
                price=row.price,
                size=row.qty,
                buyer_is_maker=row.side == "sell",
                trade_id=row.trade_id,
                ts_event=time_ns(row.timestamp),
                ts_init=ts_init,
            )
            for row in rows
        ]
        out: list[VenueEvent] = []
        for print_ in prints:
            number = print_.trade_id
            missing = number - expected.get(print_.symbol, number)
            expected[print_.symbol] = number + 1
            if missing:
                out.append(trade_gap(print_.symbol, missing, ts_init))
            out.append(print_)
        return out

    return handle


def _trade_id(row: TradeData) -> int:
    return row.trade_id


def _status_handler() -> _Handler:
    decode = msgspec.json.Decoder(StatusMessage).decode
    known = "online"

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        nonlocal known
        data = decode(frame).data
        if not data or data[-1].system == known:
            return ()
        known = data[-1].system
        if known == "online":
            return (Notice(kind=NoticeKind.ONLINE, message="Kraken is back online"),)
        kind = NoticeKind.MAINTENANCE if known in _NOT_TRADING else NoticeKind.MARKET_STATUS
        return (Notice(kind=kind, message=f"Kraken says that its system is in state {known[:60]!r}"),)

    return handle
