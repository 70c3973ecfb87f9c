"""How each kind of payload that spot and futures share becomes a record.

Handlers are closures, not methods: attribute look-ups would cost a fifth of the time of a quote. Each is made for one
stream, knows its symbol, and refuses a payload of another.
"""

from math import isfinite

from msgspec import Struct

from marketdata.events import Bar, BookDelta, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import MalformedFrame, VenueEvent
from marketdata.exchanges.binance_common.frames import NS_PER_MS, Handler, Maker, envelope_decoder, other_symbol
from marketdata.exchanges.binance_common.payloads import Kline, Ticker24h
from marketdata.exchanges.records import trade_gap


def trade_maker(exchange: str, payload: type[Struct]) -> Maker:
    """Single trades, or aggregates of them, are numbered without a hole: a Gap comes before the print that shows one."""
    decode = envelope_decoder(payload)

    def make(venue_symbol: str, symbol: str) -> Handler:
        expected = 0

        def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
            nonlocal expected
            data = decode(frame).data
            if data.symbol != venue_symbol:
                raise other_symbol(data.symbol, venue_symbol, frame)
            print_ = TradeTick(
                exchange=exchange,
                symbol=symbol,
                price=data.price,
                size=data.size,
                buyer_is_maker=data.buyer_is_maker,
                trade_id=data.trade_id,
                ts_event=data.time_ms * NS_PER_MS,
                ts_init=ts_init,
            )
            number = data.number
            missing = expected and number - expected
            expected = number + 1
            if missing:
                return (trade_gap(symbol, missing, ts_init), print_)
            return (print_,)

        return handle

    return make


def quote_maker(exchange: str, payload: type[Struct]) -> Maker:
    """`payload.time_ms` is 0 where the venue sends no time with quotes."""
    decode = envelope_decoder(payload)

    def make(venue_symbol: str, symbol: str) -> Handler:
        def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
            data = decode(frame).data
            if data.symbol != venue_symbol:
                raise other_symbol(data.symbol, venue_symbol, frame)
            return (
                QuoteTick(
                    exchange=exchange,
                    symbol=symbol,
                    bid=data.bid,
                    bid_size=data.bid_size,
                    ask=data.ask,
                    ask_size=data.ask_size,
                    ts_event=data.time_ms * NS_PER_MS,
                    ts_init=ts_init,
                    update_id=data.update_id,
                ),
            )

        return handle

    return make


def delta_maker(exchange: str, payload: type[Struct]) -> Maker:
    decode = envelope_decoder(payload)

    def make(venue_symbol: str, symbol: str) -> Handler:
        def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
            data = decode(frame).data
            if data.symbol != venue_symbol:
                raise other_symbol(data.symbol, venue_symbol, frame)
            return (
                BookDelta(
                    exchange=exchange,
                    symbol=symbol,
                    bids=data.bids,
                    asks=data.asks,
                    first_update_id=data.first_update_id,
                    last_update_id=data.last_update_id,
                    ts_event=data.time_ms * NS_PER_MS,
                    ts_init=ts_init,
                ),
            )

        return handle

    return make


def bar_maker(exchange: str) -> Maker:
    decode = envelope_decoder(Kline)

    def make(venue_symbol: str, symbol: str) -> Handler:
        def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
            data = decode(frame).data
            if data.symbol != venue_symbol:
                raise other_symbol(data.symbol, venue_symbol, frame)
            candle = data.candle
            return (
                Bar(
                    exchange=exchange,
                    symbol=symbol,
                    timeframe=candle.timeframe,
                    ts_open=candle.open_ms * NS_PER_MS,
                    ts_close=(candle.close_ms + 1) * NS_PER_MS,
                    open=candle.open,
                    high=candle.high,
                    low=candle.low,
                    close=candle.close,
                    volume=candle.volume,
                    taker_buy_volume=candle.taker_buy_volume,
                    trades=candle.trades,
                    closed=candle.closed,
                    source="venue",
                ),
            )

        return handle

    return make


def ticker_maker(exchange: str) -> Maker:
    decode = envelope_decoder(Ticker24h)

    def make(venue_symbol: str, symbol: str) -> Handler:
        def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
            data = decode(frame).data
            if data.symbol != venue_symbol:
                raise other_symbol(data.symbol, venue_symbol, frame)
            change = data.last / data.open - 1 if data.open > 0 else 0.0
            if not isfinite(change):
                raise MalformedFrame(f"a change from {data.open} to {data.last} in a day", frame)
            return (
                Ticker(
                    exchange=exchange,
                    symbol=symbol,
                    last=data.last,
                    change=change,
                    high=data.high,
                    low=data.low,
                    volume=data.volume,
                    quote_volume=data.quote_volume,
                    ts_event=data.time_ms * NS_PER_MS,
                    ts_init=ts_init,
                ),
            )

        return handle

    return make
