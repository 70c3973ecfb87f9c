"""The JSON of Kraken's WebSocket v2, as types."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from marketdata.exchanges.rfc3339 import check_year

# What fits where ids are kept.
_LARGEST = 2**63 - 1

Kind = Literal["snapshot", "update"]
Time = Annotated[datetime, Meta(tz=True)]


class BookLevel(Struct, gc=False):
    price: float
    qty: float


class BookData(Struct, gc=False):
    symbol: str
    bids: list[BookLevel]
    asks: list[BookLevel]
    checksum: int
    timestamp: Time | None = None


class Book(Struct, gc=False, tag_field="channel", tag="book"):
    type: Kind
    data: list[BookData]


class ExactLevel(Struct, gc=False):
    price: Decimal
    qty: Decimal


class ExactBookData(Struct, gc=False):
    bids: list[ExactLevel]
    asks: list[ExactLevel]


class ExactBook(Struct, gc=False, tag_field="channel", tag="book"):
    """A book's frame, digit by digit."""

    data: list[ExactBookData]


class TickerData(Struct, gc=False):
    symbol: str
    bid: float
    bid_qty: float
    ask: float
    ask_qty: float
    last: float
    volume: float
    vwap: float
    low: float
    high: float
    change: float
    timestamp: Time | None = None


class TickerMessage(Struct, gc=False, tag_field="channel", tag="ticker"):
    data: list[TickerData]


class TradeData(Struct, gc=False):
    symbol: str
    # Who crossed the spread.
    side: Literal["buy", "sell"]
    price: float
    qty: float
    trade_id: Annotated[int, Meta(ge=0, le=_LARGEST)]
    timestamp: Time


class TradeMessage(Struct, gc=False, tag_field="channel", tag="trade"):
    type: Kind
    data: list[TradeData]


class StatusData(Struct):
    system: str


class StatusMessage(Struct, tag_field="channel", tag="status"):
    data: list[StatusData]


class AnswerResult(Struct):
    symbol: str = ""


class Answer(Struct):
    """What comes back for a request, or any frame without one of the channels above."""

    channel: str = ""
    method: str = ""
    req_id: int | None = None
    success: bool = True
    error: str = ""
    symbol: str = ""
    result: AnswerResult | None = None


def time_ns(when: datetime | None) -> int:
    """Nanoseconds since the epoch, 0 for none. The venue sends microseconds, which a float of seconds still holds.

    Raises ValueError for a time that no record can hold.
    """
    if when is None:
        return 0
    check_year(when)
    return round(when.timestamp() * 1e6) * 1_000
