"""KuCoin futures WebSocket frames to records.

Source: https://www.kucoin.com/docs-new/websocket-api/futures. Sizes come in contracts and leave in base units, so a
symbol needs its listing. Order book and tickerV2 count by one sequence, trades by another.
"""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, cast

import msgspec
from msgspec import Struct

from marketdata.events import (
    TIMEFRAME_SECONDS,
    Bar,
    BookDelta,
    Funding,
    Level,
    Premium,
    QuoteTick,
    Ticker,
    Timeframe,
    TradeTick,
)
from marketdata.exchanges.adapter import BookImage, Listing, MalformedFrame, UnknownVenueSymbol, VenueEvent
from marketdata.exchanges.kucoin.contracts import Contracts, ContractSize
from marketdata.exchanges.kucoin.control import TIMEFRAMES, decode_control, read_control
from marketdata.exchanges.kucoin.futures_payloads import (
    CandleFrame,
    DepthFrame,
    ExecutionFrame,
    Image,
    InstrumentFrame,
    Level2Frame,
    SnapshotFrame,
    TickerFrame,
    TickerV2Frame,
)

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_TOPIC = b'"topic":"/'
_LONGEST_TOPIC = 36

_decode_image = msgspec.json.Decoder(Image, strict=False).decode

_Handler = Callable[[bytes, int], Sequence[VenueEvent]]


class KucoinFuturesParser:
    """Decodes frames of one socket. `symbols` maps XBTUSDTM to BTC/USDT:USDT, `listings` that to its contract size."""

    def __init__(self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> None:
        self._exchange = exchange
        self._symbols = symbols
        self._listings = listings
        contracts = Contracts(symbols, listings)
        depth = _depth_handler(exchange, contracts)
        self._handlers: dict[bytes, _Handler] = {
            b"contractMarket/level2": _delta_handler(exchange, contracts),
            b"contractMarket/tickerV2": _quote_handler(exchange, contracts, TickerV2Frame, in_book_sequence=True),
            b"contractMarket/execution": _trade_handler(exchange, contracts),
            b"contractMarket/snapshot": _day_handler(exchange, contracts),
            b"contract/instrument": _instrument_handler(exchange, symbols, listings),
            b"contractMarket/ticker": _quote_handler(exchange, contracts, TickerFrame, in_book_sequence=False),
            b"contractMarket/level2Depth5": depth,
            b"contractMarket/level2Depth50": depth,
            b"contractMarket/limitCandle": _bar_handler(exchange, contracts),
        }

    def parse(self, frame: bytes, *, ts_init: int) -> Sequence[VenueEvent]:
        """Decode one frame. A funding rate is the one predicted for the current interval.

        Raises MalformedFrame, or UnknownVenueSymbol for a symbol without an entry in the tables.
        """
        at = frame.find(_TOPIC) + 10
        handle = self._handlers.get(frame[at : frame.find(b":", at, at + _LONGEST_TOPIC)])
        if handle is not None:
            try:
                return handle(frame, ts_init)
            except (msgspec.DecodeError, UnicodeDecodeError):
                pass
            except KeyError as error:
                raise UnknownVenueSymbol(f"unknown symbol or no listing of {error}", frame) from None
        return self._parse_any(frame, ts_init)

    def parse_image(self, frame: bytes, *, symbol: str, ts_init: int) -> BookImage:
        try:
            image = _decode_image(frame).data
            size = ContractSize(self._listings[symbol].contract_size)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedFrame(f"no order book ({error})", frame) from None
        except KeyError:
            raise UnknownVenueSymbol(f"no listing of {symbol!r}", frame) from None
        return BookImage(
            exchange=self._exchange,
            symbol=symbol,
            bids=size.levels(image.bids or ()),
            asks=size.levels(image.asks or ()),
            update_id=image.sequence,
            ts_init=ts_init,
            ts_event=image.time_ns,
        )

    def _parse_any(self, frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        """What is not market data, or is written in another way than the venue writes it today."""
        try:
            control = decode_control(frame)
            if control.type != "message" and not control.topic:
                return read_control(control, frame, self._symbols)
            topic = control.topic.partition(":")[0].removeprefix("/")
            handle = self._handlers.get(topic.encode())
            if handle is None:
                raise MalformedFrame(f"unknown topic {control.topic!r}", frame)
            return handle(frame, ts_init)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedFrame(str(error), frame) from None
        except KeyError as error:
            raise UnknownVenueSymbol(f"unknown symbol or no listing of {error}", frame) from None


# Handlers are closures, not methods: attribute look-ups are a noticeable part of a frame's time.


def _delta_handler(exchange: str, contracts: Contracts) -> _Handler:
    decode = msgspec.json.Decoder(Level2Frame, strict=False).decode
    prefix = len("/contractMarket/level2:")

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = decode(frame)
        data = message.data
        symbol, contract = contracts[message.topic[prefix:]]
        try:
            price_text, side, size_text = data.change.split(",")
            price, size = float(price_text), float(size_text)
        except ValueError:
            raise MalformedFrame(f"no change of the book: {data.change!r}", frame) from None
        # Python reads "1_000" as a number too.
        if not (0.0 <= price < inf and 0.0 <= size < inf) or "_" in data.change:
            raise MalformedFrame(f"no change of the book: {data.change!r}", frame)
        levels: tuple[Level, ...] = ((price, contract.base(size)),) if price else ()
        if side not in ("buy", "sell"):
            raise MalformedFrame(f"unknown side in {data.change!r}", frame)
        return (
            BookDelta(
                exchange=exchange,
                symbol=symbol,
                bids=levels if side == "buy" else (),
                asks=levels if side == "sell" else (),
                first_update_id=data.sequence,
                last_update_id=data.sequence,
                ts_event=data.time_ms * _NS_PER_MS,
                ts_init=ts_init,
            ),
        )

    return handle


def _depth_handler(exchange: str, contracts: Contracts) -> _Handler:
    decode = msgspec.json.Decoder(DepthFrame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = decode(frame)
        data = message.data
        symbol, contract = contracts[message.topic.rpartition(":")[2]]
        return (
            BookImage(
                exchange=exchange,
                symbol=symbol,
                bids=contract.levels(data.bids),
                asks=contract.levels(data.asks),
                update_id=data.sequence,
                ts_init=ts_init,
                ts_event=data.time_ms * _NS_PER_MS,
                from_stream=True,
            ),
        )

    return handle


def _trade_handler(exchange: str, contracts: Contracts) -> _Handler:
    decode = msgspec.json.Decoder(ExecutionFrame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        data = decode(frame).data
        symbol, contract = contracts[data.symbol]
        return (
            TradeTick(
                exchange=exchange,
                symbol=symbol,
                price=data.price,
                size=contract.base(data.size),
                # The venue tells the taker's side.
                buyer_is_maker=data.side == "sell",
                trade_id=data.sequence,
                ts_event=data.time_ns,
                ts_init=ts_init,
            ),
        )

    return handle


def _quote_handler(exchange: str, contracts: Contracts, kind: type[Struct], *, in_book_sequence: bool) -> _Handler:
    """The older ticker has the sequence of trades, which does not compare with the book's."""
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(kind, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        data = decode(frame).data
        symbol, contract = contracts[data.symbol]
        return (
            QuoteTick(
                exchange=exchange,
                symbol=symbol,
                bid=data.bid,
                bid_size=contract.base(data.bid_size),
                ask=data.ask,
                ask_size=contract.base(data.ask_size),
                ts_event=data.time_ns,
                ts_init=ts_init,
                update_id=data.sequence if in_book_sequence else 0,
            ),
        )

    return handle


def _day_handler(exchange: str, contracts: Contracts) -> _Handler:
    decode = msgspec.json.Decoder(SnapshotFrame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        data = decode(frame).data
        return (
            Ticker(
                exchange=exchange,
                symbol=contracts[data.symbol][0],
                last=data.last,
                change=data.change,
                high=data.high,
                low=data.low,
                volume=data.volume,
                quote_volume=data.turnover,
                ts_event=data.time_ns,
                ts_init=ts_init,
            ),
        )

    return handle


def _instrument_handler(exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> _Handler:
    decode = msgspec.json.Decoder(InstrumentFrame, strict=False).decode
    prefix = len("/contract/instrument:")

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = decode(frame)
        data = message.data
        symbol = symbols[message.topic[prefix:]]
        ts_event = data.time_ms * _NS_PER_MS
        if message.subject == "mark.index.price" and data.mark is not None and data.index is not None:
            return (
                Premium(
                    exchange=exchange,
                    symbol=symbol,
                    mark=data.mark,
                    index=data.index,
                    ts_event=ts_event,
                    ts_init=ts_init,
                ),
            )
        if message.subject == "funding.rate" and data.funding_rate is not None:
            return (
                Funding(
                    exchange=exchange,
                    symbol=symbol,
                    rate=data.funding_rate,
                    interval_h=listings[symbol].funding_interval_h,
                    ts_event=ts_event,
                    ts_init=ts_init,
                ),
            )
        raise MalformedFrame(f"{message.subject} without its values", frame)

    return handle


def _bar_handler(exchange: str, contracts: Contracts) -> _Handler:
    decode = msgspec.json.Decoder(CandleFrame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = decode(frame)
        symbol, contract = contracts[message.data.symbol]
        timeframe = cast(Timeframe | None, TIMEFRAMES.get(message.topic.rpartition("_")[2]))
        if timeframe is None:
            return ()
        open_s, open_, close, high, low, _, volume = message.data.candles
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
                volume=contract.base(volume),
                taker_buy_volume=None,
                trades=0,
                # The venue does not say when a bar is done.
                closed=False,
                source="venue",
            ),
        )

    return handle
