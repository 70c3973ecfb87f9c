"""KuCoin spot WebSocket frames to records.

Source: https://www.kucoin.com/docs-new/websocket-api/spot. A change of the book at price 0 carries nothing but its
sequence number. In frames of before 2022 a book change has no time: `ts_event` is 0 then.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import cast

import msgspec

from marketdata.events import TIMEFRAME_SECONDS, Bar, BookDelta, Level, QuoteTick, Ticker, Timeframe, TradeTick
from marketdata.exchanges.adapter import BookImage, MalformedFrame, UnknownVenueSymbol, VenueEvent
from marketdata.exchanges.kucoin.control import TIMEFRAMES, decode_control, read_control
from marketdata.exchanges.kucoin.payloads import (
    CandleFrame,
    Change,
    Image,
    Level1Frame,
    Level2Frame,
    MatchFrame,
    SnapshotFrame,
    TickerFrame,
)

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_TOPIC = b'"topic":"/'
# As many letters of a topic as tell which it is.
_KEY = 10

_by_sequence = itemgetter(2)
_decode_image = msgspec.json.Decoder(Image, strict=False).decode

_Handler = Callable[[bytes, int], Sequence[VenueEvent]]


class KucoinParser:
    """Decodes frames of one socket. `symbols` maps BTC-USDT to BTC/USDT and may grow."""

    def __init__(self, *, exchange: str, symbols: Mapping[str, str]) -> None:
        self._exchange = exchange
        self._symbols = symbols
        self._handlers: dict[bytes, _Handler] = {
            b"market/level2": _delta_handler(exchange, symbols),
            b"market/match": _trade_handler(exchange, symbols),
            b"market/ticker": _ticker_handler(exchange, symbols),
            b"market/snapshot": _day_handler(exchange, symbols),
            b"market/candles": _bar_handler(exchange, symbols),
            b"spotMarket/level1": _quote_handler(exchange, symbols),
        }
        self._by_key = {topic[:_KEY]: handle for topic, handle in self._handlers.items()}

    def parse(self, frame: bytes, *, ts_init: int) -> Sequence[VenueEvent]:
        """Decode one frame.

        Quotes of level1 have no sequence number, so their `update_id` is 0. A side without orders is price 0.
        Raises MalformedFrame, or UnknownVenueSymbol for a symbol that is not in the table.
        """
        at = frame.find(_TOPIC) + 10
        handle = self._by_key.get(frame[at : at + _KEY])
        if handle is not None:
            try:
                return handle(frame, ts_init)
            except (msgspec.DecodeError, UnicodeDecodeError):
                pass
            except KeyError as error:
                raise UnknownVenueSymbol(f"unknown symbol {error}", frame) from None
        return self._parse_any(frame, ts_init)

    def parse_image(self, frame: bytes, *, symbol: str, ts_init: int) -> BookImage:
        try:
            image = _decode_image(frame).data
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedFrame(f"no order book ({error})", frame) from None
        return BookImage(
            exchange=self._exchange,
            symbol=symbol,
            bids=image.bids or (),
            asks=image.asks or (),
            update_id=image.sequence,
            ts_init=ts_init,
            ts_event=image.time_ms * _NS_PER_MS,
        )

    def _parse_any(self, frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        """What is not market data, or is written in another way than the venue writes it today."""
        try:
            control = decode_control(frame)
            if control.type != "message":
                return read_control(control, frame, self._symbols)
            topic = control.topic.partition(":")[0].removeprefix("/")
            handle = self._handlers.get(topic.encode())
            if handle is None:
                raise MalformedFrame(f"unknown topic {control.topic!r}", frame)
            return handle(frame, ts_init)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedFrame(str(error), frame) from None
        except KeyError as error:
            raise UnknownVenueSymbol(f"unknown symbol {error}", frame) from None


# Handlers are closures, not methods: attribute look-ups are a noticeable part of a frame's time.


def _delta_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    decode = msgspec.json.Decoder(Level2Frame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        data = decode(frame).data
        changes = data.changes
        if data.last_sequence < data.first_sequence:
            raise MalformedFrame("sequenceEnd is before sequenceStart", frame)
        return (
            BookDelta(
                exchange=exchange,
                symbol=symbols[data.symbol],
                bids=_levels(changes.bids),
                asks=_levels(changes.asks),
                first_update_id=data.first_sequence,
                last_update_id=data.last_sequence,
                ts_event=data.time_ms * _NS_PER_MS,
                ts_init=ts_init,
            ),
        )

    return handle


def _levels(changes: tuple[Change, ...]) -> tuple[Level, ...]:
    """In the order in which they happened; the venue sorts by price."""
    if not changes:
        return ()
    if len(changes) == 1:
        price, size, _ = changes[0]
        return ((price, size),) if price else ()
    return tuple([(price, size) for price, size, _ in sorted(changes, key=_by_sequence) if price])


def _trade_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    decode = msgspec.json.Decoder(MatchFrame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        data = decode(frame).data
        return (
            TradeTick(
                exchange=exchange,
                symbol=symbols[data.symbol],
                price=data.price,
                size=data.size,
                # The venue tells the taker's side.
                buyer_is_maker=data.side == "sell",
                trade_id=data.sequence,
                ts_event=data.time_ns,
                ts_init=ts_init,
            ),
        )

    return handle


def _quote_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    decode = msgspec.json.Decoder(Level1Frame, strict=False).decode
    prefix = len("/spotMarket/level1:")

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = decode(frame)
        data = message.data
        try:
            bid, bid_size = data.bids or (0.0, 0.0)
            ask, ask_size = data.asks or (0.0, 0.0)
        except ValueError:
            raise MalformedFrame("a side is no pair of price and size", frame) from None
        return (
            QuoteTick(
                exchange=exchange,
                symbol=symbols[message.topic[prefix:]],
                bid=bid,
                bid_size=bid_size,
                ask=ask,
                ask_size=ask_size,
                ts_event=data.time_ms * _NS_PER_MS,
                ts_init=ts_init,
            ),
        )

    return handle


def _ticker_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    decode = msgspec.json.Decoder(TickerFrame, strict=False).decode
    prefix = len("/market/ticker:")

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = decode(frame)
        data = message.data
        return (
            QuoteTick(
                exchange=exchange,
                symbol=symbols[message.topic[prefix:]],
                bid=data.bid,
                bid_size=data.bid_size,
                ask=data.ask,
                ask_size=data.ask_size,
                ts_event=data.time_ms * _NS_PER_MS,
                ts_init=ts_init,
                update_id=data.sequence,
            ),
        )

    return handle


def _day_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    decode = msgspec.json.Decoder(SnapshotFrame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        data = decode(frame).data.data
        symbol = symbols[data.symbol]
        if data.last is None or data.high is None or data.low is None:
            return ()
        return (
            Ticker(
                exchange=exchange,
                symbol=symbol,
                last=data.last,
                change=data.change or 0.0,
                high=data.high,
                low=data.low,
                volume=data.volume or 0.0,
                quote_volume=data.quote_volume or 0.0,
                ts_event=data.time_ms * _NS_PER_MS,
                ts_init=ts_init,
            ),
        )

    return handle


def _bar_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    decode = msgspec.json.Decoder(CandleFrame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = decode(frame)
        symbol = symbols[message.data.symbol]
        timeframe = cast(Timeframe | None, TIMEFRAMES.get(message.topic.rpartition("_")[2]))
        if timeframe is None:
            return ()
        open_s, open_, close, high, low, volume, _ = message.data.candles
        return (
            Bar(
                exchange=exchange,
                symbol=symbol,
                timeframe=timeframe,
                ts_open=open_s * _NS_PER_S,
                ts_close=(open_s + TIMEFRAME_SECONDS[timeframe]) * _NS_PER_S,
                open=open_,
                high=high,
                low=low,
                close=close,
                volume=volume,
                taker_buy_volume=None,
                trades=0,
                # The venue does not say when a bar is done.
                closed=False,
                source="venue",
            ),
        )

    return handle
