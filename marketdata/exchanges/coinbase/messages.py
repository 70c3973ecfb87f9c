"""Coinbase Advanced Trade WebSocket frames to records.

Source: https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels. `sequence_num`
counts the messages of a connection, of all channels together, from 0: each message is checked against the one before.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from marketdata.events import BookDelta, Level, Ticker, TradeTick
from marketdata.exchanges.adapter import (
    Acknowledgement,
    BookImage,
    Gap,
    MalformedFrame,
    Notice,
    NoticeKind,
    UnknownVenueSymbol,
    VenueEvent,
)
from marketdata.exchanges.coinbase.payloads import (
    BookEvent,
    BookMessage,
    OtherMessage,
    TickerMessage,
    TradeMessage,
)
from marketdata.exchanges.coinbase.rest_payloads import decode_book
from marketdata.exchanges.rfc3339 import rfc3339_ns

# Where a frame names its channel.
_HEAD = slice(12, 18)
_NOT_ALLOWED = ("authentication", "jwt", "unauthorized", "permission")

_Handler = Callable[[Any, int], Sequence[VenueEvent]]


class CoinbaseParser:
    """Decodes the frames of one socket. `symbols` maps BTC-USD to BTC/USD and may grow."""

    def __init__(self, *, exchange: str, symbols: Mapping[str, str]) -> None:
        self._exchange = exchange
        self._products = products = _Products(symbols)
        self._by_channel: dict[str, tuple[Callable[[bytes], Any], _Handler]] = {
            "l2_data": (_decoder(BookMessage), _book_handler(exchange, products)),
            "market_trades": (_decoder(TradeMessage), _trade_handler(exchange, products)),
            "ticker": (_decoder(TickerMessage), _ticker_handler(exchange, products)),
        }
        self._by_head = {f'{channel}","'.encode()[:6]: parts for channel, parts in self._by_channel.items()}
        self._decode_other = _decoder(OtherMessage)
        self._sequence = -1

    def parse(self, frame: bytes, *, ts_init: int) -> Sequence[VenueEvent]:
        """Decode one frame. Raises MalformedFrame, or UnknownVenueSymbol for a symbol that is not in the table.

        A message that overtook others comes after a Gap; one that was overtaken or comes again is nothing but a Gap.
        """
        parts = self._by_head.get(frame[_HEAD])
        try:
            if parts is None:
                return self._parse_any(frame, ts_init)
            message = parts[0](frame)
            if message.sequence == self._sequence + 1:
                events = parts[1](message, ts_init)
                # Counted when it was understood: what was not is missing at the next one.
                self._sequence += 1
                return events
            return self._after_a_gap(message.sequence, parts[1], message, ts_init)
        except KeyError as error:
            raise UnknownVenueSymbol(f"unknown symbol {error}", frame) from None
        except (ValueError, RecursionError) as error:
            raise MalformedFrame(str(error), frame) from None

    def parse_image(self, frame: bytes, *, symbol: str, ts_init: int) -> BookImage:
        try:
            bids, asks, ts_event = decode_book(frame)
        except (ValueError, RecursionError) as error:
            raise MalformedFrame(f"no product book ({error})", frame) from None
        return BookImage(
            exchange=self._exchange,
            symbol=symbol,
            bids=bids,
            asks=asks,
            update_id=0,
            ts_init=ts_init,
            ts_event=ts_event,
        )

    def _after_a_gap(self, sequence: int, handle: _Handler, message: Any, ts_init: int) -> Sequence[VenueEvent]:
        expected = self._sequence + 1
        gap = Gap(symbol="", reason=f"message {sequence} came where {expected} was due", ts_init=ts_init)
        events = handle(message, ts_init) if sequence > expected else ()
        self._sequence = sequence
        return (gap, *events)

    def _parse_any(self, frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = self._decode_other(frame)
        known = self._by_channel.get(message.channel)
        if known is not None:
            decode, handle = known
            message = decode(frame)
        elif not message.channel and message.type != "error":
            raise ValueError("neither a channel nor an error")
        else:
            handle = self._answer
        # Errors are not counted.
        if message.sequence is None:
            return handle(message, ts_init)
        if message.sequence == self._sequence + 1:
            events = handle(message, ts_init)
            self._sequence += 1
            return events
        return self._after_a_gap(message.sequence, handle, message, ts_init)

    def _answer(self, message: OtherMessage, ts_init: int) -> Sequence[VenueEvent]:
        if message.type == "error":
            said = message.message[:300] or "an error without a message"
            if any(word in said.lower() for word in _NOT_ALLOWED):
                return (Notice(kind=NoticeKind.NOT_ALLOWED, message=f"Coinbase: {said}. Check the API key."),)
            symbol = self._products.named_in(said)
            # One product that it does not have costs all of a request their answer.
            return (Acknowledgement(request_id=None, error=said, symbol=symbol, whole=bool(symbol)),)
        return (Acknowledgement(request_id=None),) if message.channel == "subscriptions" else ()


class _Product:
    """A product's symbol, and how many images and updates of its book there were: Coinbase counts none by product."""

    __slots__ = ("symbol", "update_id")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.update_id = 0


class _Products(dict[str, _Product]):
    """By the venue's spelling, made when first heard of. Raises KeyError for one that was not asked for."""

    def __init__(self, symbols: Mapping[str, str]) -> None:
        super().__init__()
        self._symbols = symbols

    def __missing__(self, product_id: str) -> _Product:
        symbol = self._symbols.get(product_id)
        if symbol is None and product_id.endswith("-USD"):
            # BTC-USDC is the same market as BTC-USD, and what is sent about it bears that name.
            symbol = self._symbols.get(product_id + "C")
        if symbol is None:
            raise KeyError(product_id)
        product = self[product_id] = _Product(symbol)
        return product

    def named_in(self, text: str) -> str:
        """Our symbol of the first product that the text names, or nothing."""
        words = (word.strip("\"'.,:;()[]") for word in text.split())
        return next((self._symbols[word] for word in words if word in self._symbols), "")


def _decoder(message: Any) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(message, strict=False).decode


# Handlers are closures, not methods: fewer attribute look-ups a frame.


def _book_handler(exchange: str, products: Mapping[str, _Product]) -> _Handler:
    def handle(message: BookMessage, ts_init: int) -> Sequence[VenueEvent]:
        # The times of single levels are no clock: in an image they say when each was last changed.
        ts_event = rfc3339_ns(message.timestamp)
        events = message.events
        if len(events) == 1:
            return (read(products[events[0].product_id], events[0], ts_event, ts_init),)
        # All or nothing: no update may be counted whose message is then refused.
        found = [products[event.product_id] for event in events]
        return [read(product, event, ts_event, ts_init) for product, event in zip(found, events, strict=True)]

    def read(product: _Product, event: BookEvent, ts_event: int, ts_init: int) -> VenueEvent:
        bids: list[Level] = []
        asks: list[Level] = []
        for level in event.updates:
            (bids if level.side == "bid" else asks).append((level.price, level.size))
        product.update_id = update_id = product.update_id + 1
        if event.type == "update":
            return BookDelta(
                exchange=exchange,
                symbol=product.symbol,
                bids=tuple(bids),
                asks=tuple(asks),
                first_update_id=update_id,
                last_update_id=update_id,
                ts_event=ts_event,
                ts_init=ts_init,
            )
        return BookImage(
            exchange=exchange,
            symbol=product.symbol,
            bids=tuple(bids),
            asks=tuple(asks),
            update_id=update_id,
            ts_init=ts_init,
            ts_event=ts_event,
            from_stream=True,
        )

    return handle


def _trade_handler(exchange: str, products: Mapping[str, _Product]) -> _Handler:
    def handle(message: TradeMessage, ts_init: int) -> Sequence[VenueEvent]:
        return [
            TradeTick(
                exchange=exchange,
                symbol=products[row.product_id].symbol,
                price=row.price,
                size=row.size,
                # The side is the maker's, as on Coinbase Exchange, whose matches these are: prints at the best ask come
                # as SELL.
                buyer_is_maker=row.side == "BUY",
                trade_id=row.trade_id,
                ts_event=rfc3339_ns(row.time),
                ts_init=ts_init,
            )
            for event in message.events
            # An image holds prints of before: no live ones. Who needs them asks REST.
            if event.type == "update"
            # Newest first, as the venue has it.
            for row in reversed(event.trades)
        ]

    return handle


def _ticker_handler(exchange: str, products: Mapping[str, _Product]) -> _Handler:
    def handle(message: TickerMessage, ts_init: int) -> Sequence[VenueEvent]:
        ts_event = rfc3339_ns(message.timestamp)
        return [
            Ticker(
                exchange=exchange,
                symbol=products[row.product_id].symbol,
                last=row.price,
                change=row.change_percent / 100,
                high=row.high,
                low=row.low,
                volume=row.volume,
                # Not told, and nothing to be made up.
                quote_volume=0.0,
                ts_event=ts_event,
                ts_init=ts_init,
            )
            for event in message.events
            for row in event.tickers
        ]

    return handle
