"""BingX WebSocket frames, of perpetual swaps and of spot, to records.

Source: https://bingx-api.github.io/docs-v3/#/en/Swap/Websocket%20Market%20Data. Frames are compressed, the venue's
pings too. Update ids of quotes and books are the venue's milliseconds: the one number that all of its channels have.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from operator import itemgetter
from typing import cast

import msgspec

from marketdata.events import TIMEFRAME_SECONDS, Bar, BookDelta, QuoteTick, Ticker, Timeframe, TradeTick
from marketdata.exchanges.adapter import (
    Acknowledgement,
    BookImage,
    MalformedFrame,
    Reply,
    UnknownVenueSymbol,
    VenueEvent,
)
from marketdata.exchanges.bingx.compression import decompress
from marketdata.exchanges.bingx.payloads import (
    BookTickerFrame,
    CandleFrame,
    Control,
    DayFrame,
    DepthFrame,
    Image,
    IncrementFrame,
    TradeFrame,
)

_NS_PER_MS = 1_000_000
_IDS_PER_MS = 1_000
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_PING = b"Ping"
_PONG = Reply(payload=b"Pong")
_TIMEFRAMES = {
    "1m": "1m", "3m": "3m", "5m": "5m", "15m": "15m", "30m": "30m", "1h": "1h", "4h": "4h", "1d": "1d",
    "1min": "1m", "3min": "3m", "5min": "5m", "15min": "15m", "30min": "30m", "60min": "1h", "1day": "1d",
}  # fmt: skip

_price = itemgetter(0)
_decode_control = msgspec.json.Decoder(Control).decode
_decode_image = msgspec.json.Decoder(Image, strict=False).decode

_Handler = Callable[[bytes, int], Sequence[VenueEvent]]


class BingxParser:
    """Decodes frames of one socket. `symbols` maps BTC-USDT to our spelling and may grow."""

    def __init__(self, *, exchange: str, symbols: Mapping[str, str]) -> None:
        self._exchange = exchange
        self._symbols = symbols
        # By the first letters of the channel in "BTC-USDT@trade".
        self._handlers: dict[bytes, _Handler] = {
            b"tr": _trade_handler(exchange, symbols),
            b"bo": _quote_handler(exchange, symbols),
            b"de": _depth_handler(exchange, symbols),
            b"in": _increment_handler(exchange, symbols),
            b"ti": _day_handler(exchange, symbols),
            b"kl": _bar_handler(exchange, symbols),
        }

    def parse(self, frame: bytes, *, ts_init: int) -> Sequence[VenueEvent]:
        """Decode one frame, compressed or not.

        Prints of swaps have no id: theirs is the venue's millisecond x 1000 and a counter within it. Raises
        MalformedFrame, or UnknownVenueSymbol for a symbol that is not in the table.
        """
        text = decompress(frame)
        at = text.find(b"@") + 1
        handle = self._handlers.get(text[at : at + 2]) if at else None
        if handle is not None:
            try:
                return handle(text, ts_init)
            except _UNREADABLE:
                pass
            except KeyError as error:
                raise UnknownVenueSymbol(f"unknown symbol {error}", text) from None
        return self._parse_control(text)

    def parse_image(self, frame: bytes, *, symbol: str, ts_init: int) -> BookImage:
        # `bids` and `asks` agree with the socket; the swaps' `bidsCoin` is smaller by the contract's size.
        try:
            answer = _decode_image(frame)
        except _UNREADABLE as error:
            raise MalformedFrame(f"no order book ({error})", frame) from None
        image = answer.data
        time_ms = image.time_ms or image.spot_time_ms
        return BookImage(
            exchange=self._exchange,
            symbol=symbol,
            bids=tuple(sorted(image.bids, key=_price, reverse=True)),
            asks=tuple(sorted(image.asks, key=_price)),
            update_id=time_ms,
            ts_init=ts_init,
            ts_event=time_ms * _NS_PER_MS,
        )

    def _parse_control(self, text: bytes) -> Sequence[VenueEvent]:
        if text == _PING:
            return (_PONG,)
        try:
            control = _decode_control(text)
        except _UNREADABLE as error:
            raise MalformedFrame(str(error), text) from None
        if control.ping is not None:
            pong = msgspec.json.encode({"pong": control.ping, "time": control.time or msgspec.Raw(b"null")})
            return (Reply(payload=pong),)
        if control.code is not None and (control.id is not None or control.code not in (0, "0")):
            return (self._acknowledgement(control),)
        raise MalformedFrame(f"no data of a known channel ({control.data_type!r})", text)

    def _acknowledgement(self, control: Control) -> Acknowledgement:
        error = "" if control.code in (0, "0") else f"{control.code} {control.msg or ''}".strip()[:300]
        number = control.id
        if isinstance(number, str):
            number = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else None
        venue_symbol = (control.data_type or "").partition("@")[0]
        return Acknowledgement(
            request_id=number, error=error, symbol=self._symbols.get(venue_symbol, "") if error else ""
        )


# Handlers are closures, not methods: attribute look-ups are a noticeable part of a frame's time.


def _trade_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    decode = msgspec.json.Decoder(TradeFrame, strict=False).decode
    last_ids: dict[str, int] = {}

    def handle(text: bytes, ts_init: int) -> Sequence[VenueEvent]:
        data = decode(text).data
        ticks = []
        for trade in data if isinstance(data, list) else [data]:
            symbol = symbols[trade.symbol]
            trade_id = trade.trade_id
            if not trade_id:
                trade_id = trade.time_ms * _IDS_PER_MS
                last_id = last_ids.get(symbol, 0)
                if trade_id <= last_id < trade_id + _IDS_PER_MS - 1:
                    trade_id = last_id + 1
                last_ids[symbol] = trade_id
            ticks.append(
                TradeTick(
                    exchange=exchange,
                    symbol=symbol,
                    price=trade.price,
                    size=trade.size,
                    buyer_is_maker=trade.buyer_is_maker,
                    trade_id=trade_id,
                    ts_event=trade.time_ms * _NS_PER_MS,
                    ts_init=ts_init,
                )
            )
        return ticks

    return handle


def _quote_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    decode = msgspec.json.Decoder(BookTickerFrame, strict=False).decode

    def handle(text: bytes, ts_init: int) -> Sequence[VenueEvent]:
        data = decode(text).data
        return (
            QuoteTick(
                exchange=exchange,
                symbol=symbols[data.symbol],
                bid=data.bid,
                bid_size=data.bid_size,
                ask=data.ask,
                ask_size=data.ask_size,
                ts_event=data.time_ms * _NS_PER_MS,
                ts_init=ts_init,
                update_id=data.time_ms,
            ),
        )

    return handle


def _depth_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    decode = msgspec.json.Decoder(DepthFrame, strict=False).decode

    def handle(text: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = decode(text)
        data = message.data
        time_ms = message.ts or message.timestamp
        return (
            BookImage(
                exchange=exchange,
                symbol=symbols[message.data_type.partition("@")[0]],
                # The venue sends the best ask last.
                bids=tuple(sorted(data.bids, key=_price, reverse=True)),
                asks=tuple(sorted(data.asks, key=_price)),
                update_id=time_ms,
                ts_init=ts_init,
                ts_event=time_ms * _NS_PER_MS,
                from_stream=True,
            ),
        )

    return handle


def _increment_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    """The channel @incrDepth: an image first, then changes whose ids count up by one."""
    decode = msgspec.json.Decoder(IncrementFrame, strict=False).decode

    def handle(text: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = decode(text)
        data = message.data
        symbol = symbols[message.data_type.partition("@")[0]]
        ts_event = data.time_ms * _NS_PER_MS
        if data.action == "all":
            return (
                BookImage(
                    exchange=exchange,
                    symbol=symbol,
                    bids=tuple(sorted(data.bids or (), key=_price, reverse=True)),
                    asks=tuple(sorted(data.asks or (), key=_price)),
                    update_id=data.update_id,
                    ts_init=ts_init,
                    ts_event=ts_event,
                    from_stream=True,
                ),
            )
        if data.action != "update":
            raise MalformedFrame(f"unknown action {data.action!r}", text)
        return (
            BookDelta(
                exchange=exchange,
                symbol=symbol,
                bids=data.bids or (),
                asks=data.asks or (),
                first_update_id=data.update_id,
                last_update_id=data.update_id,
                ts_event=ts_event,
                ts_init=ts_init,
            ),
        )

    return handle


def _day_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    decode = msgspec.json.Decoder(DayFrame, strict=False).decode

    def handle(text: bytes, ts_init: int) -> Sequence[VenueEvent]:
        data = decode(text).data
        change = data.last / data.open - 1 if data.open > 0 else 0.0
        if not isfinite(change):
            raise MalformedFrame(f"a change from {data.open} to {data.last} in a day", text)
        return (
            Ticker(
                exchange=exchange,
                symbol=symbols[data.symbol],
                last=data.last,
                change=change,
                high=data.high,
                low=data.low,
                volume=data.volume,
                quote_volume=data.quote_volume,
                ts_event=data.time_ms * _NS_PER_MS,
                ts_init=ts_init,
            ),
        )

    return handle


def _bar_handler(exchange: str, symbols: Mapping[str, str]) -> _Handler:
    decode = msgspec.json.Decoder(CandleFrame, strict=False).decode

    def handle(text: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = decode(text)
        venue_symbol, _, channel = message.data_type.partition("@")
        symbol = symbols[venue_symbol]
        timeframe = cast(Timeframe | None, _TIMEFRAMES.get(channel.removeprefix("kline_")))
        if timeframe is None:
            return ()
        return [
            Bar(
                exchange=exchange,
                symbol=symbol,
                timeframe=timeframe,
                ts_open=candle.open_ms * _NS_PER_MS,
                ts_close=(candle.open_ms + TIMEFRAME_SECONDS[timeframe] * 1_000) * _NS_PER_MS,
                open=candle.open,
                high=candle.high,
                low=candle.low,
                close=candle.close,
                volume=candle.volume,
                taker_buy_volume=None,
                trades=0,
                # The venue does not say when a bar is done.
                closed=False,
                source="venue",
            )
            for candle in message.data
        ]

    return handle
