"""The JSON of Upstox's REST answers, as types. Source: https://upstox.com/developer/api-documentation."""

from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct, field

# start, open, high, low, close, volume, open interest
Candle = tuple[datetime, float, float, float, float, float, float]


class Level(Struct, gc=False):
    price: float
    quantity: float


class Depth(Struct):
    """Five levels a side, best first; absent ones are zeros."""

    buy: list[Level] = []
    sell: list[Level] = []


class Day(Struct):
    high: float
    low: float


class Quote(Struct):
    """A full market quote. Indices have no depth."""

    last_price: float
    instrument_token: str = ""
    depth: Depth | None = None
    day: Day | None = field(name="ohlc", default=None)
    timestamp: datetime | None = None
    net_change: float | None = None
    volume: float | None = None
    average_price: float | None = None


class Quotes(Struct):
    data: dict[str, Quote]


class Candles(Struct):
    candles: list[Candle]


class CandlesAnswer(Struct):
    data: Candles


class SocketAddress(Struct):
    url: str = field(name="authorized_redirect_uri")


class SocketAddressAnswer(Struct):
    data: SocketAddress


class OpenExchange(Struct):
    exchange: str
    start_ms: int = field(name="start_time")
    end_ms: int = field(name="end_time")


class Holiday(Struct):
    date: date
    description: str = ""
    closed_exchanges: list[str] = []
    open_exchanges: list[OpenExchange] = []


class Holidays(Struct):
    data: list[Holiday]


class Problem(Struct):
    code: str = field(name="errorCode", default="")
    message: str = ""


class Problems(Struct):
    errors: list[Problem] = []


class InstrumentRow(Struct, gc=False):
    """A row of the instruments file. `tick_paise` is in hundredths of a rupee. Indices have neither tick nor lot."""

    segment: str
    instrument_key: str
    trading_symbol: str
    instrument_type: str = ""
    name: str = ""
    tick_paise: Decimal = field(name="tick_size", default=Decimal(0))
    lot_size: Decimal = Decimal(0)
    freeze_quantity: Decimal = Decimal(0)
