"""Binance spot WebSocket frames to records.

Source: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams.
"""

from collections.abc import Mapping

from marketdata.exchanges.binance.payloads import BookTicker, Depth, Trade
from marketdata.exchanges.binance_common.frames import FrameParser
from marketdata.exchanges.binance_common.handlers import bar_maker, delta_maker, quote_maker, ticker_maker, trade_maker
from marketdata.exchanges.binance_common.payloads import AggTrade

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
            "trade": trade_maker(exchange, Trade),
            "aggTrade": trade_maker(exchange, AggTrade),
            "bookTicker": quote_maker(exchange, BookTicker),
            "depthUpdate": delta_maker(exchange, Depth),
            "kline": bar_maker(exchange),
            "24hrTicker": ticker_maker(exchange),
        }
        super().__init__(exchange=exchange, symbols=symbols, makers=makers, channels=_CHANNELS)
