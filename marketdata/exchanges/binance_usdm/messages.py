"""Binance USD-M futures WebSocket frames to records.

Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams. Trades come as
aggregates (`aggTrade`); the single ones of recordings (`trade`) are understood too.
"""

from collections.abc import Mapping

from marketdata.events import TradeTick
from marketdata.exchanges.adapter import Listing, VenueEvent
from marketdata.exchanges.binance_common.frames import (
    NS_PER_MS,
    FrameParser,
    Handler,
    Maker,
    envelope_decoder,
    other_symbol,
)
from marketdata.exchanges.binance_common.handlers import (
    bar_maker,
    delta_maker,
    quote_maker,
    ticker_maker,
    trade_maker,
)
from marketdata.exchanges.binance_common.payloads import AggTrade
from marketdata.exchanges.binance_usdm.derivatives import liquidation_maker, mark_price_maker
from marketdata.exchanges.binance_usdm.payloads import BookTicker, Depth, Trade
from marketdata.exchanges.records import trade_gap

_CHANNELS = {
    b"tr": "trade",
    b"ag": "aggTrade",
    b"bo": "bookTicker",
    b"de": "depthUpdate",
    b"kl": "kline",
    b"ti": "24hrTicker",
    b"ma": "markPriceUpdate",
    b"fo": "forceOrder",
}


class BinanceUsdmParser(FrameParser):
    def __init__(self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> None:
        makers = {
            "trade": _trade_maker(exchange),
            "aggTrade": trade_maker(exchange, AggTrade),
            "bookTicker": quote_maker(exchange, BookTicker),
            "depthUpdate": delta_maker(exchange, Depth),
            "kline": bar_maker(exchange),
            "24hrTicker": ticker_maker(exchange),
            "markPriceUpdate": mark_price_maker(exchange, listings),
            "forceOrder": liquidation_maker(exchange),
        }
        super().__init__(exchange=exchange, symbols=symbols, makers=makers, channels=_CHANNELS)


def _trade_maker(exchange: str) -> Maker:
    """As trade_maker, but what happened outside of the book has a number and is no print."""
    decode = envelope_decoder(Trade)

    def make(venue_symbol: str, symbol: str) -> Handler:
        expected = 0

        def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
            nonlocal expected
            data = decode(frame).data
            if data.symbol != venue_symbol:
                raise other_symbol(data.symbol, venue_symbol, frame)
            trade_id = data.trade_id
            missing = expected and trade_id - expected
            expected = trade_id + 1
            events: tuple[VenueEvent, ...] = ()
            if data.origin == "MARKET":
                events = (
                    TradeTick(
                        exchange=exchange,
                        symbol=symbol,
                        price=data.price,
                        size=data.size,
                        buyer_is_maker=data.buyer_is_maker,
                        trade_id=trade_id,
                        ts_event=data.time_ms * NS_PER_MS,
                        ts_init=ts_init,
                    ),
                )
            return (trade_gap(symbol, missing, ts_init), *events) if missing else events

        return handle

    return make
