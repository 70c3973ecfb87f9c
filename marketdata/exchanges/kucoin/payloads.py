"""The JSON of KuCoin's public WebSocket topics for spot, as types.

Numbers come as text and are decoded straight into floats by msgspec's lax mode. `subject` is part of each type, so
that a frame of another kind fails to decode instead of being misread.
"""

from typing import Literal

from msgspec import Struct, field

from marketdata.events import Level
from marketdata.exchanges.kucoin.fields import CandleRow, SequenceNumber, Side, TimeMs, TimeNs

# price, size, the sequence number of the change
Change = tuple[float, float, SequenceNumber]


class Match(Struct, gc=False):
    symbol: str
    sequence: SequenceNumber
    side: Side
    size: float
    price: float
    time_ns: TimeNs = field(name="time")


class MatchFrame(Struct, gc=False):
    subject: Literal["trade.l3match"]
    data: Match


class Changes(Struct, gc=False):
    asks: tuple[Change, ...]
    bids: tuple[Change, ...]


class Level2(Struct, gc=False):
    symbol: str
    first_sequence: SequenceNumber = field(name="sequenceStart")
    last_sequence: SequenceNumber = field(name="sequenceEnd")
    changes: Changes
    time_ms: TimeMs = field(name="time", default=0)


class Level2Frame(Struct, gc=False):
    subject: Literal["trade.l2update"]
    data: Level2


class Level1(Struct, gc=False):
    # price and size, or nothing where a side has no orders
    asks: tuple[float, ...]
    bids: tuple[float, ...]
    time_ms: TimeMs = field(name="timestamp")


class Level1Frame(Struct, gc=False):
    topic: str
    subject: Literal["level1"]
    data: Level1


class Best(Struct, gc=False):
    sequence: SequenceNumber
    bid: float = field(name="bestBid")
    bid_size: float = field(name="bestBidSize")
    ask: float = field(name="bestAsk")
    ask_size: float = field(name="bestAskSize")
    time_ms: TimeMs = field(name="time", default=0)


class TickerFrame(Struct, gc=False):
    topic: str
    subject: Literal["trade.ticker"]
    data: Best


class Day(Struct, gc=False):
    """Of the last 24 hours. Null where nothing was traded in them."""

    symbol: str
    last: float | None = field(name="lastTradedPrice")
    change: float | None = field(name="changeRate")
    high: float | None
    low: float | None
    volume: float | None = field(name="vol")
    quote_volume: float | None = field(name="volValue")
    time_ms: TimeMs = field(name="datetime")


class SnapshotData(Struct, gc=False):
    data: Day


class SnapshotFrame(Struct, gc=False):
    subject: Literal["trade.snapshot"]
    data: SnapshotData


class Candle(Struct, gc=False):
    symbol: str
    candles: CandleRow


class CandleFrame(Struct, gc=False):
    topic: str
    subject: Literal["trade.candles.update", "trade.candles.add"]
    data: Candle


class ImageData(Struct):
    sequence: SequenceNumber
    # Null for a symbol without orders.
    bids: tuple[Level, ...] | None
    asks: tuple[Level, ...] | None
    time_ms: TimeMs = field(name="time", default=0)


class Image(Struct):
    code: Literal["200000"]
    data: ImageData
