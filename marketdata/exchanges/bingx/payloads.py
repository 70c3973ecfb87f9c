"""The JSON of BingX's public WebSocket channels, of perpetual swaps and of spot, as types."""

from typing import Annotated

from msgspec import Meta, Raw, Struct, field

from marketdata.events import Level

# What does not fit 64 bits, as nanoseconds or with a counter, could not be passed on.
TimeMs = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
SequenceNumber = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Trade(Struct, gc=False):
    symbol: str = field(name="s")
    price: float = field(name="p")
    size: float = field(name="q")
    time_ms: TimeMs = field(name="T")
    buyer_is_maker: bool = field(name="m")
    # Spot only.
    trade_id: SequenceNumber = field(name="t", default=0)


class TradeFrame(Struct, gc=False):
    # Swaps send a list, spot sends one.
    data: list[Trade] | Trade


class BookTicker(Struct, gc=False):
    symbol: str = field(name="s")
    bid: float = field(name="b")
    bid_size: float = field(name="B")
    ask: float = field(name="a")
    ask_size: float = field(name="A")
    time_ms: TimeMs = field(name="E")


class BookTickerFrame(Struct, gc=False):
    data: BookTicker


class Depth(Struct, gc=False):
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class DepthFrame(Struct, gc=False):
    data_type: str = field(name="dataType")
    data: Depth
    # Swaps and spot spell it in two ways.
    ts: TimeMs = 0
    timestamp: TimeMs = 0


class Increment(Struct, gc=False):
    # "all" or "update"
    action: str
    update_id: SequenceNumber = field(name="lastUpdateId")
    bids: tuple[Level, ...] | None = None
    asks: tuple[Level, ...] | None = None
    time_ms: TimeMs = field(name="time", default=0)


class IncrementFrame(Struct, gc=False):
    data_type: str = field(name="dataType")
    data: Increment


class Day(Struct, gc=False):
    """Of the last 24 hours."""

    symbol: str = field(name="s")
    last: float = field(name="c")
    open: float = field(name="o")
    high: float = field(name="h")
    low: float = field(name="l")
    volume: float = field(name="v")
    quote_volume: float = field(name="q")
    time_ms: TimeMs = field(name="E")


class DayFrame(Struct, gc=False):
    data: Day


class Candle(Struct, gc=False):
    open: float = field(name="o")
    high: float = field(name="h")
    low: float = field(name="l")
    close: float = field(name="c")
    volume: float = field(name="v")
    open_ms: TimeMs = field(name="T")


class CandleFrame(Struct, gc=False):
    data_type: str = field(name="dataType")
    data: list[Candle]


class Control(Struct):
    """Enough of a frame to know what it is."""

    id: str | int | None = None
    code: int | str | None = None
    msg: str | None = None
    data_type: str | None = field(name="dataType", default=None)
    ping: str | None = None
    time: Raw = Raw()
    data: Raw = Raw()


class ImageData(Struct):
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    # Swaps and spot spell it in two ways.
    time_ms: TimeMs = field(name="T", default=0)
    spot_time_ms: TimeMs = field(name="ts", default=0)


class Image(Struct):
    data: ImageData
    code: int = 0
