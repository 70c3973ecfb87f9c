"""The JSON of Coinbase's REST answers, as types. Numbers come as strings."""

from decimal import Decimal

import msgspec
from msgspec import Struct, field

from marketdata.events import Level
from marketdata.exchanges.rfc3339 import rfc3339_ns


class Time(Struct):
    milliseconds: int = field(name="epochMillis")


class Product(Struct):
    product_id: str
    base: str = field(name="base_currency_id")
    quote: str = field(name="quote_currency_id")
    lot_size: Decimal = field(name="base_increment")
    quote_increment: Decimal
    price_increment: Decimal | None = None
    min_quantity: Decimal = field(name="base_min_size", default=Decimal(0))
    max_quantity: Decimal = field(name="base_max_size", default=Decimal(0))
    min_notional: Decimal = field(name="quote_min_size", default=Decimal(0))
    status: str = ""
    product_type: str = "SPOT"
    is_disabled: bool = False
    trading_disabled: bool = False
    cancel_only: bool = False
    view_only: bool = False
    auction_mode: bool = False


class Products(Struct):
    products: list[Product]


class Summary(Struct):
    """The rolling day of a product."""

    price: float
    change_percent: float = field(name="price_percentage_change_24h")
    volume: float = field(name="volume_24h")
    quote_volume: float = field(name="approximate_quote_24h_volume", default=0.0)


class Candle(Struct):
    start_s: int = field(name="start")
    low: float
    high: float
    open: float
    close: float
    volume: float


class Candles(Struct):
    candles: list[Candle]


class Print(Struct):
    trade_id: int
    price: float
    size: float
    time: str
    side: str


class Prints(Struct):
    trades: list[Print]


class BookLevel(Struct):
    price: float
    size: float


class PriceBook(Struct):
    bids: list[BookLevel]
    asks: list[BookLevel]
    time: str = ""


class Book(Struct):
    pricebook: PriceBook


class Problem(Struct):
    error: str = ""
    error_details: str = ""
    message: str = ""


_decode_book = msgspec.json.Decoder(Book, strict=False).decode


def decode_book(frame: bytes) -> tuple[tuple[Level, ...], tuple[Level, ...], int]:
    """Bids, asks and the venue's time in ns. Raises ValueError, of which msgspec's errors are."""
    book = _decode_book(frame).pricebook
    return (
        tuple([(level.price, level.size) for level in book.bids]),
        tuple([(level.price, level.size) for level in book.asks]),
        rfc3339_ns(book.time) if book.time else 0,
    )
