"""The JSON of Coinbase's Advanced Trade WebSocket, as types. Numbers come as strings."""

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct, field

# What fits where ids are kept.
_LARGEST = 2**63 - 1

Kind = Literal["snapshot", "update"]


class Envelope(Struct, gc=False):
    """What every message has, whatever its channel."""

    sequence: int = field(name="sequence_num")


class LevelUpdate(Struct, gc=False):
    side: Literal["bid", "offer"]
    price: float = field(name="price_level")
    size: float = field(name="new_quantity")


class BookEvent(Struct, gc=False):
    type: Kind
    product_id: str
    updates: list[LevelUpdate]


class BookMessage(Envelope, gc=False, tag_field="channel", tag="l2_data"):
    timestamp: str
    events: list[BookEvent]


class TradeRow(Struct, gc=False):
    product_id: str
    trade_id: Annotated[int, Meta(ge=0, le=_LARGEST)]
    price: float
    size: float
    time: str
    side: Literal["BUY", "SELL"]


class TradeEvent(Struct, gc=False):
    type: Kind
    trades: list[TradeRow]


class TradeMessage(Envelope, gc=False, tag_field="channel", tag="market_trades"):
    events: list[TradeEvent]


class TickerRow(Struct, gc=False):
    product_id: str
    price: float
    volume: float = field(name="volume_24_h")
    low: float = field(name="low_24_h")
    high: float = field(name="high_24_h")
    change_percent: float = field(name="price_percent_chg_24_h")


class TickerEvent(Struct, gc=False):
    tickers: list[TickerRow]


class TickerMessage(Envelope, gc=False, tag_field="channel", tag="ticker"):
    timestamp: str
    events: list[TickerEvent]


class OtherMessage(Struct, gc=False):
    """Heartbeats, answers, errors, and what is not known yet."""

    channel: str = ""
    sequence: int | None = field(name="sequence_num", default=None)
    type: str = ""
    message: str = ""
    events: Raw = Raw()
