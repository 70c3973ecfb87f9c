"""KuCoin futures WebSocket frames to records.

Source: https://www.kucoin.com/docs-new/websocket-api/futures. Sizes come in contracts and leave in base units, so a
symbol needs its listing. Order book and tickerV2 count by one sequence, trades by another.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from marketdata.events import BookDelta, Funding, Level, Premium, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import BookImage, Listing, MalformedFrame, UnknownVenueSymbol, VenueEvent
from marketdata.exchanges.kucoin.candles import bar_handler
from marketdata.exchanges.kucoin.contracts import Contract, base_levels, base_size, contract_of
from marketdata.exchanges.kucoin.fields import CandleRow
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
from marketdata.exchanges.kucoin.topics import (
    NS_PER_MS,
    UNREADABLE,
    Handler,
    Remembered,
    TopicParser,
    symbol_of,
)

# The 33rd byte of `{"topic":"/contractMarket/level2:` and its like.
_POSITION = 32
_GUESSES = {
    ":": "/contractMarket/level2",
    "V": "/contractMarket/tickerV2",
    "i": "/contractMarket/execution",
    "o": "/contractMarket/snapshot",
    "D": "/contractMarket/level2Depth5",
}

_decode_image = msgspec.json.Decoder(Image, strict=False).decode


# By the venue's symbol. Raises KeyError for one without an entry in the tables.
Contracts = Mapping[str, Contract]


class KucoinFuturesParser(TopicParser):
    """Decodes frames of one socket. `symbols` maps XBTUSDTM to BTC/USDT:USDT, `listings` that to its contract size.

    A funding rate is the one predicted for the current interval.
    """

    def __init__(self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> None:
        self._exchange = exchange
        self._listings = listings
        contracts: Contracts = Remembered(lambda name: contract_of(listings[symbols[name]]))
        depth = _depth_handler(exchange, contracts)
        handlers: dict[str, Handler] = {
            "/contractMarket/level2": _delta_handler(exchange, contracts),
            "/contractMarket/tickerV2": _quote_handler(exchange, contracts, TickerV2Frame, in_book_sequence=True),
            "/contractMarket/execution": _trade_handler(exchange, contracts),
            "/contractMarket/snapshot": _day_handler(exchange, contracts),
            "/contract/instrument": _instrument_handler(exchange, symbols, listings),
            "/contractMarket/ticker": _quote_handler(exchange, contracts, TickerFrame, in_book_sequence=False),
            "/contractMarket/level2Depth5": depth,
            "/contractMarket/level2Depth50": depth,
            "/contractMarket/limitCandle": bar_handler(
                exchange, CandleFrame, lambda name, row: _volume(contracts[name], row)
            ),
        }
        super().__init__(handlers=handlers, position=_POSITION, guesses=_GUESSES)

    def parse_image(self, frame: bytes, *, symbol: str, ts_init: int) -> BookImage:
        try:
            image = _decode_image(frame).data
            contract = contract_of(self._listings[symbol])
        except UNREADABLE as error:
            raise MalformedFrame(f"no order book ({error})", frame) from None
        except KeyError:
            raise UnknownVenueSymbol(f"no listing of {symbol!r}", frame) from None
        return BookImage(
            exchange=self._exchange,
            symbol=symbol,
            bids=base_levels(contract, image.bids or ()),
            asks=base_levels(contract, image.asks or ()),
            update_id=image.sequence,
            ts_init=ts_init,
            ts_event=image.time_ns,
        )


def _delta_handler(exchange: str, contracts: Contracts) -> Handler:
    decode = msgspec.json.Decoder(Level2Frame, strict=False).decode
    # Twice as fast as float(), and refuses what is no number in JSON.
    decode_number = msgspec.json.Decoder(float).decode
    by_topic = Remembered(lambda topic: contracts[symbol_of(topic)])

    def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
        message = decode(frame)
        data = message.data
        symbol, numerator, denominator = by_topic[message.topic]
        sequence = data.sequence
        try:
            price_text, side, size_text = data.change.split(",")
            price, size = decode_number(price_text), decode_number(size_text) * numerator / denominator
        except ValueError:
            raise MalformedFrame(f"no price, side and size: {data.change!r}", frame) from None
        # A change at price 0 tells of the sequence only.
        levels: tuple[Level, ...] = ((price, size),) if price else ()
        is_bid = side == "buy"
        if not is_bid and side != "sell":
            raise MalformedFrame(f"no side in the change of the book: {data.change!r}", frame)
        return (
            BookDelta(
                exchange=exchange,
                symbol=symbol,
                bids=levels if is_bid else (),
                asks=() if is_bid else levels,
                first_update_id=sequence,
                last_update_id=sequence,
                ts_event=data.time_ms * NS_PER_MS,
                ts_init=ts_init,
            ),
        )

    return handle


def _depth_handler(exchange: str, contracts: Contracts) -> Handler:
    decode = msgspec.json.Decoder(DepthFrame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
        message = decode(frame)
        data = message.data
        contract = contracts[symbol_of(message.topic)]
        return (
            BookImage(
                exchange=exchange,
                symbol=contract[0],
                bids=base_levels(contract, data.bids),
                asks=base_levels(contract, data.asks),
                update_id=data.sequence,
                ts_init=ts_init,
                ts_event=data.time_ms * NS_PER_MS,
                from_stream=True,
            ),
        )

    return handle


def _trade_handler(exchange: str, contracts: Contracts) -> Handler:
    decode = msgspec.json.Decoder(ExecutionFrame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
        data = decode(frame).data
        symbol, numerator, denominator = contracts[data.symbol]
        return (
            TradeTick(
                exchange=exchange,
                symbol=symbol,
                price=data.price,
                size=data.size * numerator / denominator,
                # The venue tells the taker's side.
                buyer_is_maker=data.side == "sell",
                trade_id=data.sequence,
                ts_event=data.time_ns,
                ts_init=ts_init,
            ),
        )

    return handle


def _quote_handler(exchange: str, contracts: Contracts, kind: type[Struct], *, in_book_sequence: bool) -> Handler:
    """The older ticker has the sequence of trades, which does not compare with the book's."""
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(kind, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
        data = decode(frame).data
        symbol, numerator, denominator = contracts[data.symbol]
        return (
            QuoteTick(
                exchange=exchange,
                symbol=symbol,
                bid=data.bid,
                bid_size=data.bid_size * numerator / denominator,
                ask=data.ask,
                ask_size=data.ask_size * numerator / denominator,
                ts_event=data.time_ns,
                ts_init=ts_init,
                update_id=data.sequence if in_book_sequence else 0,
            ),
        )

    return handle


def _day_handler(exchange: str, contracts: Contracts) -> Handler:
    decode = msgspec.json.Decoder(SnapshotFrame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
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


def _instrument_handler(exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> Handler:
    decode = msgspec.json.Decoder(InstrumentFrame, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
        message = decode(frame)
        data = message.data
        symbol = symbols[symbol_of(message.topic)]
        ts_event = data.time_ms * NS_PER_MS
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


def _volume(contract: Contract, row: CandleRow) -> tuple[str, float]:
    """The last of a row is the volume in contracts."""
    return contract[0], base_size(contract, row[6])
