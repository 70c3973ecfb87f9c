"""A question to the quant service: candles of one symbol, read and checked.

Everything that is wrong is a `Refused` that names the field, with its index, and says what is allowed.
"""

import json
import math
import re
from typing import Any, NoReturn

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quant.features.bounds import LEAST, MOST

MAX_CANDLES = 5000
MAX_BYTES = 1_000_000
MAX_AHEAD_MS = 60_000
# 2000-01-01 and 2100-01-01, in seconds: no moment in one unit looks like one in the other.
FIRST_S, LAST_S = 946_684_800, 4_102_444_800
SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./:_-]{0,63}")
EXCHANGE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
PRICES = ("open", "high", "low", "close")
TOO_MANY = f"At most {MAX_CANDLES} candles in one request, and {MAX_BYTES} bytes: send the newest."
NOT_JSON = "The body is not JSON: send an object with symbol, candles and timestamp."


class Refused(Exception):
    """A question that cannot be answered: `field` names what is wrong, the message what is allowed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class TooMuch(Refused):
    """More than is read in one request."""


class Candle(Struct, frozen=True, gc=False):
    """As it is sent. `timestamp` is its open, in seconds or milliseconds."""

    timestamp: float
    open: float
    high: float
    low: float
    close: float
    volume: float


class Body(Struct, frozen=True):
    symbol: str
    candles: list[Candle]
    timestamp: float | None = None
    exchange: str | None = None


class Candles(Struct, frozen=True, kw_only=True):
    """Sound candles, oldest first; arrays are (candles,). Prices in quote, volume in base, times in ms.

    `length_ms` is from one to the next, 0 where there are not two; `closed` counts those that had ended by the moment
    of the question.
    """

    open_ms: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    length_ms: int
    closed: int


class Question(Struct, frozen=True, kw_only=True):
    """`moment_ms` is when the answer is to hold; `in_seconds` tells the unit that the asker writes times in."""

    symbol: str
    exchange: str | None
    candles: Candles
    moment_ms: int
    in_seconds: bool


_decode = msgspec.json.Decoder(Body).decode


def read_question(body: bytes, *, now_ms: int) -> Question:
    """Read a body. Raises Refused."""
    if len(body) > MAX_BYTES:
        raise TooMuch("candles", TOO_MANY)
    sent = _read(body)
    if not SYMBOL.fullmatch(sent.symbol):
        raise Refused("symbol", "Give a symbol of 1 to 64 letters, digits and / : . _ -, such as BTC/USDT.")
    if sent.exchange is not None and not EXCHANGE.fullmatch(sent.exchange):
        raise Refused("exchange", "Give the code of an exchange, such as binance, or leave it out.")
    if len(sent.candles) > MAX_CANDLES:
        raise TooMuch("candles", f"{len(sent.candles)} candles. {TOO_MANY}")
    table = np.array([msgspec.structs.astuple(candle) for candle in sent.candles], dtype=np.float64).reshape(-1, 6)
    in_seconds = _is_seconds(sent.timestamp, table[:, 0])
    moment_ms = now_ms if sent.timestamp is None else _moment_ms(sent.timestamp)
    candles = _sound(table, moment_ms=moment_ms)
    return Question(
        symbol=sent.symbol.strip(), exchange=sent.exchange, candles=candles, moment_ms=moment_ms, in_seconds=in_seconds
    )


def _read(body: bytes) -> Body:
    try:
        return _decode(body)
    except msgspec.ValidationError as error:
        field, message = _placed(str(error))
        raise Refused(field, message) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        _refuse_unreadable(body)


def _placed(message: str) -> tuple[str, str]:
    """The field and the sentence of a message such as "Expected `float`, got `str` - at `$.candles[3].close`"."""
    said, _, place = message.partition(" - at `$")
    field = place.rstrip("`").lstrip(".")
    if named := re.search(r"missing required field `(\w+)`", said):
        return f"{field}.{named[1]}".lstrip("."), "Required."
    said = said.replace("`", "").replace("float", "a number").replace("str", "a text").replace(" | null", "")
    return field or "non_field_errors", f"{said}."


def _refuse_unreadable(body: bytes) -> NoReturn:
    """NaN and Infinity are no JSON, but what they stand for can be named."""
    try:
        loose: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("non_field_errors", NOT_JSON) from None
    candles = loose.get("candles") if isinstance(loose, dict) else None
    for index, candle in enumerate(candles if isinstance(candles, list) else ()):
        for name in Candle.__struct_fields__:
            value = candle.get(name) if isinstance(candle, dict) else None
            if isinstance(value, float) and not math.isfinite(value):
                raise Refused(f"candles[{index}].{name}", "Not a finite number: leave out candles without a price.")
    timestamp = loose.get("timestamp") if isinstance(loose, dict) else None
    if isinstance(timestamp, float) and not math.isfinite(timestamp):
        raise Refused("timestamp", "Not a finite number.")
    raise Refused("non_field_errors", NOT_JSON)


def _is_seconds(timestamp: float | None, opens: NDArray[np.float64]) -> bool:
    first = timestamp if timestamp is not None else float(opens[0]) if len(opens) else math.inf
    return first <= LAST_S


def _moment_ms(timestamp: float) -> int:
    if FIRST_S <= timestamp <= LAST_S:
        return round(timestamp * 1000)
    if FIRST_S * 1000 <= timestamp <= LAST_S * 1000:
        return round(timestamp)
    raise Refused("timestamp", f"{timestamp:g} is neither seconds nor milliseconds since 1970, of 2000 to 2100.")


def _sound(table: NDArray[np.float64], *, moment_ms: int) -> Candles:
    opens, length_ms = _times(table[:, 0])
    late = opens > moment_ms + MAX_AHEAD_MS
    _check(late, "timestamp", "Later than the moment of the question: candles of the future have no meaning.")
    for column, name in enumerate(PRICES, start=1):
        prices = table[:, column]
        _check(~((prices > LEAST) & (prices < MOST)), name, f"Must be above 0 and below {MOST:g}.")
    volume = table[:, 5]
    _check(~((volume >= 0) & (volume < MOST)), "volume", f"Must be from 0 to {MOST:g}.")
    open_, high, low, close = (table[:, column] for column in range(1, 5))
    _check(high < low, "high", "Below low.")
    _check((open_ < low) | (open_ > high), "open", "Outside of low to high.")
    _check((close < low) | (close > high), "close", "Outside of low to high.")
    closed = len(opens) - int(np.count_nonzero(opens + length_ms > moment_ms)) if length_ms else 0
    return Candles(
        open_ms=opens, open=open_, high=high, low=low, close=close, volume=volume, length_ms=length_ms, closed=closed
    )


def _times(sent: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
    """Opens in ms, and the usual time from one to the next, of which every step is a multiple."""
    factor = 1000.0 if len(sent) and sent[0] <= LAST_S else 1.0
    # Before the conversion: a moment beyond the range of int64 would wrap.
    _check(
        ~((sent >= FIRST_S * 1000.0 / factor) & (sent <= LAST_S * 1000.0 / factor)),
        "timestamp",
        "Neither seconds nor milliseconds since 1970, of 2000 to 2100, in the unit of the first candle.",
    )
    opens = np.rint(sent * factor).astype(np.int64)
    steps = np.diff(opens)
    _check(np.concatenate(([False], steps == 0)), "timestamp", "The same as of the candle before.")
    _check(np.concatenate(([False], steps < 0)), "timestamp", "Before the candle before it: send the oldest first.")
    if not len(steps):
        return opens, 0
    lengths, counts = np.unique(steps, return_counts=True)
    length_ms = int(lengths[np.argmax(counts)])
    uneven = np.concatenate(([False], steps % length_ms != 0))
    _check(uneven, "timestamp", f"Not a multiple of {length_ms / 1000:g} s after the candle before, as most are.")
    return opens, length_ms


def _check(wrong: NDArray[np.bool_], name: str, message: str) -> None:
    if wrong.any():
        raise Refused(f"candles[{int(np.argmax(wrong))}].{name}", message)
