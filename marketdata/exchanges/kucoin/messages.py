"""KuCoin spot WebSocket frames to records.

Source: https://www.kucoin.com/docs-new/websocket-api/spot. A change of the book at price 0 carries nothing but its
sequence number. In frames of before 2022 a book change has no time: `ts_event` is 0 then.
"""

from collections.abc import Mapping
from operator import itemgetter

import msgspec

from marketdata.events import BookDelta, Level, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import BookImage, MalformedFrame, VenueEvent
from marketdata.exchanges.kucoin.candles import bar_handler
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
from marketdata.exchanges.kucoin.topics import (
    NS_PER_MS,
    UNREADABLE,
    Handler,
    Remembered,
    TopicParser,
    symbol_of,
)

# The 19th byte of `{"topic":"/market/level2:` and its like, and, as the venue wrote before 2022, of
# `{"data":{"sequenceStart":` and `{"data":{"sequence":`.
_POSITION = 18
_GUESSES = {
    "l": "/market/level2",
    "k": "/spotMarket/level1",
    "m": "/market/match",
    "s": "/market/snapshot",
    "t": "/market/ticker",
    "S": "/market/level2",
    '"': "/market/ticker",
}

_by_sequence = itemgetter(2)
_decode_image = msgspec.json.Decoder(Image, strict=False).decode


class KucoinParser(TopicParser):
    """Decodes frames of one socket. `symbols` maps BTC-USDT to BTC/USDT and may grow.

    Quotes of level1 have no sequence number, so their `update_id` is 0. A side without orders is price 0.
    """

    def __init__(self, *, exchange: str, symbols: Mapping[str, str]) -> None:
        self._exchange = exchange
        handlers: dict[str, Handler] = {
            "/market/level2": _delta_handler(exchange, symbols),
            "/market/match": _trade_handler(exchange, symbols),
            "/market/ticker": _ticker_handler(exchange, symbols),
            "/market/snapshot": _day_handler(exchange, symbols),
            "/market/candles": bar_handler(exchange, CandleFrame, lambda name, row: (symbols[name], row[5])),
            "/spotMarket/level1": _quote_handler(exchange, symbols),
        }
        super().__init__(handlers=handlers, position=_POSITION, guesses=_GUESSES)

    def parse_image(self, frame: bytes, *, symbol: str, ts_init: int) -> BookImage:
        try:
            image = _decode_image(frame).data
        except UNREADABLE as error:
            raise MalformedFrame(f"no order book ({error})", frame) from None
        return BookImage(
            exchange=self._exchange,
            symbol=symbol,
            bids=image.bids or (),
            asks=image.asks or (),
            update_id=image.sequence,
            ts_init=ts_init,
            ts_event=image.time_ms * NS_PER_MS,
        )


def _delta_handler(exchange: str, symbols: Mapping[str, str]) -> Handler:
    decode = msgspec.json.Decoder(Level2Frame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
        data = decode(frame).data
        first, last = data.first_sequence, data.last_sequence
        if last < first:
            raise MalformedFrame("sequenceEnd is before sequenceStart", frame)
        changes = data.changes
        bids, asks = changes.bids, changes.asks
        return (
            BookDelta(
                exchange=exchange,
                symbol=symbols[data.symbol],
                bids=_levels(bids) if bids else (),
                asks=_levels(asks) if asks else (),
                first_update_id=first,
                last_update_id=last,
                ts_event=data.time_ms * NS_PER_MS,
                ts_init=ts_init,
            ),
        )

    return handle


def _levels(changes: tuple[Change, ...]) -> tuple[Level, ...]:
    """In the order in which they happened; the venue sorts by price."""
    if len(changes) == 1:
        price, size, _ = changes[0]
        return ((price, size),) if price else ()
    return tuple([(price, size) for price, size, _ in sorted(changes, key=_by_sequence) if price])


def _trade_handler(exchange: str, symbols: Mapping[str, str]) -> Handler:
    decode = msgspec.json.Decoder(MatchFrame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
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


def _quote_handler(exchange: str, symbols: Mapping[str, str]) -> Handler:
    decode = msgspec.json.Decoder(Level1Frame, strict=False).decode
    by_topic = Remembered(lambda topic: symbols[symbol_of(topic)])

    def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
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
                symbol=by_topic[message.topic],
                bid=bid,
                bid_size=bid_size,
                ask=ask,
                ask_size=ask_size,
                ts_event=data.time_ms * NS_PER_MS,
                ts_init=ts_init,
            ),
        )

    return handle


def _ticker_handler(exchange: str, symbols: Mapping[str, str]) -> Handler:
    decode = msgspec.json.Decoder(TickerFrame, strict=False).decode
    by_topic = Remembered(lambda topic: symbols[symbol_of(topic)])

    def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
        message = decode(frame)
        data = message.data
        return (
            QuoteTick(
                exchange=exchange,
                symbol=by_topic[message.topic],
                bid=data.bid,
                bid_size=data.bid_size,
                ask=data.ask,
                ask_size=data.ask_size,
                ts_event=data.time_ms * NS_PER_MS,
                ts_init=ts_init,
                update_id=data.sequence,
            ),
        )

    return handle


def _day_handler(exchange: str, symbols: Mapping[str, str]) -> Handler:
    decode = msgspec.json.Decoder(SnapshotFrame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
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
                ts_event=data.time_ms * NS_PER_MS,
                ts_init=ts_init,
            ),
        )

    return handle
