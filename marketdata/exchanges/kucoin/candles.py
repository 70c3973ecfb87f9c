"""KuCoin's candles to bars: spot and futures differ in what they count volume in."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from marketdata.events import TIMEFRAME_SECONDS, Bar
from marketdata.exchanges.adapter import VenueEvent
from marketdata.exchanges.kucoin.control import TIMEFRAMES
from marketdata.exchanges.kucoin.fields import CandleRow
from marketdata.exchanges.kucoin.topics import NS_PER_S, Handler


def bar_handler(exchange: str, kind: type[Struct], read: Callable[[str, CandleRow], tuple[str, float]]) -> Handler:
    """`read` gives our symbol, and the volume in base, of the venue's symbol and row. Raises KeyError."""
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(kind, strict=False).decode

    def handle(frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        message = decode(frame)
        row: CandleRow = message.data.candles
        symbol, volume = read(message.data.symbol, row)
        timeframe = TIMEFRAMES.get(message.topic.rpartition("_")[2])
        if timeframe is None:
            return ()
        open_s, open_, close, high, low, _, _ = row
        return (
            Bar(
                exchange=exchange,
                symbol=symbol,
                timeframe=timeframe,
                ts_open=open_s * NS_PER_S,
                ts_close=(open_s + TIMEFRAME_SECONDS[timeframe]) * NS_PER_S,
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
