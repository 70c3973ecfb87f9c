"""Binance spot WebSocket frames to records.

Source: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams.
"""

from collections.abc import Mapping

from marketdata.events import BookDelta, QuoteTick, TradeTick
from marketdata.exchanges.adapter import VenueEvent
from marketdata.exchanges.binance.payloads import BookTicker, Depth, Trade
from marketdata.exchanges.binance_common.frames import (
    NS_PER_MS,
    FrameParser,
    Handler,
    Maker,
    envelope_decoder,
    other_symbol,
)
from marketdata.exchanges.binance_common.handlers import agg_trade_maker, bar_maker, ticker_maker, trade_gap

_CHANNELS = {
    b"tr": "trade",
    b"ag": "aggTrade",
    b"bo": "bookTicker",
    b"de": "depthUpdate",
    b"kl": "kline",
    b"ti": "24hrTicker",
}


class BinanceParser(FrameParser):
    """Quotes have `ts_event` 0: Binance spot sends no time with them."""

    def __init__(self, *, exchange: str, symbols: Mapping[str, str]) -> None:
        makers = {
            "trade": _trade_maker(exchange),
            "aggTrade": agg_trade_maker(exchange),
            "bookTicker": _quote_maker(exchange),
            "depthUpdate": _delta_maker(exchange),
            "kline": bar_maker(exchange),
            "24hrTicker": ticker_maker(exchange),
        }
        super().__init__(exchange=exchange, symbols=symbols, makers=makers, channels=_CHANNELS)


def _trade_maker(exchange: str) -> Maker:
    """Trades of a symbol are numbered without a hole: a Gap comes before the print that shows one."""
    decode = envelope_decoder(Trade)

    def make(venue_symbol: str, symbol: str) -> Handler:
        expected = 0

        def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
            nonlocal expected
            data = decode(frame).data
            if data.symbol != venue_symbol:
                raise other_symbol(data.symbol, venue_symbol, frame)
            trade_id = data.trade_id
            print_ = TradeTick(
                exchange=exchange,
                symbol=symbol,
                price=data.price,
                size=data.size,
                buyer_is_maker=data.buyer_is_maker,
                trade_id=trade_id,
                ts_event=data.time_ms * NS_PER_MS,
                ts_init=ts_init,
            )
            missing = expected and trade_id - expected
            expected = trade_id + 1
            if missing:
                return (trade_gap(symbol, missing, ts_init), print_)
            return (print_,)

        return handle

    return make


def _quote_maker(exchange: str) -> Maker:
    decode = envelope_decoder(BookTicker)

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
                    ts_event=0,
                    ts_init=ts_init,
                    update_id=data.update_id,
                ),
            )

        return handle

    return make


def _delta_maker(exchange: str) -> Maker:
    decode = envelope_decoder(Depth)

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
