"""The JSON of Kraken's REST answers, as types."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, field

from marketdata.events import Level


class Time(Struct):
    seconds: int = field(name="unixtime")


class AssetPair(Struct):
    altname: str
    pair_decimals: int
    lot_decimals: int
    wsname: str = ""
    tick_size: Decimal | None = None
    minimum: Decimal = field(name="ordermin", default=Decimal(0))
    min_cost: Decimal = field(name="costmin", default=Decimal(0))
    status: str = "online"


# time, open, high, low, close, average price, volume, trades
Candle = tuple[int, float, float, float, float, float, float, int]
# price, volume, time, "b" or "s", "m" or "l", note, id
Print = tuple[float, float, Decimal, str, str, str, int]
# price, volume, time
DepthLevel = tuple[float, float, int]


class Depth(Struct):
    bids: list[DepthLevel]
    asks: list[DepthLevel]


class Summary(Struct):
    """Pairs are of today and of the last 24 hours; `open` is today's."""

    # price, volume
    closed: tuple[float, float] = field(name="c")
    volumes: tuple[float, float] = field(name="v")
    averages: tuple[float, float] = field(name="p")
    lows: tuple[float, float] = field(name="l")
    highs: tuple[float, float] = field(name="h")
    open: float = field(name="o")


class Last(Struct):
    """When the last bar began that will not change any more."""

    last: int


class Reply(Struct):
    """Every answer: what went wrong, or a result, often under the pair's own name."""

    error: list[str] = []
    result: msgspec.Raw = msgspec.Raw(b"{}")


def decode_result(result: bytes | msgspec.Raw, kind: Any) -> Any:
    """Read a result leniently: numbers may come as strings. Raises msgspec.DecodeError."""
    return msgspec.json.decode(result, type=kind, strict=False)


def of_the_pair(result: bytes | msgspec.Raw, kind: Any) -> Any:
    """What stands under the pair's name, which may be another than we asked with. Raises msgspec.DecodeError."""
    named: Mapping[str, msgspec.Raw] = decode_result(result, dict[str, msgspec.Raw])
    for name, value in named.items():
        if name != "last":
            return decode_result(value, kind)
    raise msgspec.ValidationError("no pair in the result")


def decode_book(result: bytes | msgspec.Raw) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Bids and asks of the result of Depth. Raises msgspec.DecodeError."""
    depth: Depth = of_the_pair(result, Depth)
    return _levels(depth.bids), _levels(depth.asks)


def _levels(rows: list[DepthLevel]) -> tuple[Level, ...]:
    return tuple([(price, size) for price, size, _ in rows])
