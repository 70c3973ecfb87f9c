"""The JSON of KuCoin's public WebSocket topics for futures, as types. Sizes are in contracts."""

from typing import Literal

from msgspec import Struct, field

from marketdata.events import Level
from marketdata.exchanges.kucoin.fields import CandleRow, SequenceNumber, Side, TimeMs, TimeNs


class Execution(Struct, gc=False):
    symbol: str
    sequence: SequenceNumber
    side: Side
    size: float
    price: float
    time_ns: TimeNs = field(name="ts")


class ExecutionFrame(Struct, gc=False):
    subject: Literal["match"]
    data: Execution


class Best(Struct, gc=False):
    symbol: str
    bid: float = field(name="bestBidPrice")
    bid_size: float = field(name="bestBidSize")
    ask: float = field(name="bestAskPrice")
    ask_size: float = field(name="bestAskSize")
    time_ns: TimeNs = field(name="ts")
    sequence: SequenceNumber = 0


class TickerV2Frame(Struct, gc=False):
    subject: Literal["tickerV2"]
    data: Best


class TickerFrame(Struct, gc=False):
    subject: Literal["ticker"]
    data: Best


class Level2(Struct, gc=False):
    sequence: SequenceNumber
    # "price,side,size"
    change: str
    time_ms: TimeMs = field(name="timestamp")


class Level2Frame(Struct, gc=False):
    topic: str
    subject: Literal["level2"]
    data: Level2


class Depth(Struct, gc=False):
    sequence: SequenceNumber
    asks: tuple[Level, ...]
    bids: tuple[Level, ...]
    time_ms: TimeMs = field(name="ts")


class DepthFrame(Struct, gc=False):
    topic: str
    subject: Literal["level2"]
    data: Depth


class Day(Struct, gc=False):
    """Of the last 24 hours; unlike all else the volume is in base units."""

    symbol: str
    last: float = field(name="lastPrice")
    change: float = field(name="priceChgPct")
    high: float = field(name="highPrice")
    low: float = field(name="lowPrice")
    volume: float
    turnover: float
    time_ns: TimeNs = field(name="ts")


class SnapshotFrame(Struct, gc=False):
    subject: Literal["snapshot.24h"]
    data: Day


class Instrument(Struct, gc=False):
    time_ms: TimeMs = field(name="timestamp")
    mark: float | None = field(name="markPrice", default=None)
    index: float | None = field(name="indexPrice", default=None)
    funding_rate: float | None = field(name="fundingRate", default=None)


class InstrumentFrame(Struct, gc=False):
    topic: str
    subject: Literal["mark.index.price", "funding.rate"]
    data: Instrument


class Candle(Struct, gc=False):
    symbol: str
    # As for spot, but the last two are the turnover and the volume in contracts.
    candles: CandleRow


class CandleFrame(Struct, gc=False):
    topic: str
    subject: Literal["candle.stick"]
    data: Candle


class ImageData(Struct):
    sequence: SequenceNumber
    bids: tuple[Level, ...] | None
    asks: tuple[Level, ...] | None
    time_ns: TimeNs = field(name="ts", default=0)


class Image(Struct):
    code: Literal["200000"]
    data: ImageData
