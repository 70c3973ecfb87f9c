"""Answers of Deribit's public methods: option chains, prints of options, the volatility index.

Source: https://docs.deribit.com. Volatilities are percentages there and annual fractions here.
"""

import math
import re
from datetime import UTC, datetime

from msgspec import Struct, convert
from msgspec import ValidationError as WrongShape

from marketdata.events import VolatilityIndex
from marketdata.sources.answers import MalformedAnswer, decode, not_negative, positive, time_ns
from marketdata.sources.deribit.chain import Option, Quote

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_EXPIRES_AT_H = 8
# Strikes of linear options write the point as d.
_OPTION = re.compile(r"[A-Z0-9_]+-([0-9]{1,2})([A-Z]{3})([0-9]{2})-([0-9]{1,12}(?:d[0-9]{1,12})?)-([CP])")
# The index of Bitcoin has been between 0.3 and 2 as a fraction, 30 and 200 as a percentage.
_HIGHEST_FRACTION = 3.0
_HIGHEST_PERCENTAGE = 1_000.0


class _Summary(Struct):
    instrument_name: str
    creation_timestamp: int
    underlying_price: float | None = None
    estimated_delivery_price: float | None = None
    mark_iv: float | None = None
    volume: float | None = None
    open_interest: float | None = None


class _Summaries(Struct):
    result: list[_Summary]


class _Trade(Struct):
    instrument_name: str
    timestamp: int
    direction: str
    amount: float
    index_price: float
    iv: float
    trade_id: str
    block_trade_id: str | None = None
    block_rfq_id: int | None = None
    combo_id: str | None = None


class _Trades(Struct):
    trades: list[_Trade]
    has_more: bool


class _TradesAnswer(Struct):
    result: _Trades


class _Candles(Struct):
    data: list[tuple[int, float, float, float, float]]


class _CandlesAnswer(Struct):
    result: _Candles


class Print(Struct, frozen=True, kw_only=True):
    """A trade in an option. `direction` is 1 when the taker bought, -1 when he sold; amount in base.

    is_plain is false for block trades and legs of combinations, which do not show what a taker wanted of this option.
    """

    option: Option
    direction: int
    amount: float
    index_price: float
    volatility: float
    ts_event: int
    trade_id: str
    is_plain: bool


class ChainAnswer(Struct, frozen=True, kw_only=True):
    """A whole chain at one time; `index_price` is 0 where the venue does not tell it."""

    quotes: list[Quote]
    index_price: float
    ts_event: int


def read_option(name: str) -> Option:
    """Read "BTC-27JUN25-60000-C". Raises MalformedAnswer."""
    parts = _OPTION.fullmatch(name)
    if parts is None:
        raise MalformedAnswer(f"{name!r} is no name of an option")
    day, month, year, strike, side = parts.groups()
    try:
        expiry = datetime(2000 + int(year), _MONTHS.index(month) + 1, int(day), _EXPIRES_AT_H, tzinfo=UTC)
    except ValueError:
        raise MalformedAnswer(f"{name!r} is no name of an option") from None
    return Option(
        expiry_ns=int(expiry.timestamp()) * 1_000_000_000,
        strike=positive("strike", float(strike.replace("d", "."))),
        is_call=side == "C",
    )


def read_chain(body: bytes) -> ChainAnswer:
    """Options without a volatility are left out of the smile, and their volume counts. Raises MalformedAnswer."""
    answer: _Summaries = decode(body, _Summaries)
    if not answer.result:
        raise MalformedAnswer("the chain has no options")
    quotes = []
    for row in answer.result:
        quotes.append(
            Quote(
                option=read_option(row.instrument_name),
                forward=_usable(row.underlying_price),
                volatility=_usable(row.mark_iv) / 100.0,
                volume=not_negative("volume", row.volume or 0.0),
                open_interest=not_negative("open_interest", row.open_interest or 0.0),
            )
        )
    index = next((value for row in answer.result if (value := _usable(row.estimated_delivery_price))), 0.0)
    newest_ms = max(row.creation_timestamp for row in answer.result)
    return ChainAnswer(quotes=quotes, index_price=index, ts_event=time_ns("creation_timestamp", newest_ms))


def read_prints(body: bytes) -> tuple[list[Print], bool]:
    """The trades, oldest first, and whether there are more. Raises MalformedAnswer."""
    answer: _TradesAnswer = decode(body, _TradesAnswer)
    prints = [_print(row) for row in answer.result.trades]
    return sorted(prints, key=lambda item: item.ts_event), answer.result.has_more


def _print(row: _Trade) -> Print:
    if row.direction not in ("buy", "sell"):
        raise MalformedAnswer(f"direction is {row.direction!r}")
    return Print(
        option=read_option(row.instrument_name),
        direction=1 if row.direction == "buy" else -1,
        amount=not_negative("amount", row.amount),
        index_price=positive("index_price", row.index_price),
        volatility=not_negative("iv", row.iv) / 100.0,
        ts_event=time_ns("timestamp", row.timestamp),
        trade_id=row.trade_id,
        is_plain=not (row.block_trade_id or row.block_rfq_id or row.combo_id),
    )


def volatility_index(
    body: bytes, *, asset: str, resolution_s: int, now_ns: int, source: str, ts_init: int
) -> list[VolatilityIndex]:
    """The closes of the closed candles, each at its end.

    The venue's examples show fractions and its charts percentages: when no value is above 3 they are taken as
    fractions (0.55), otherwise as percentages (55). Raises MalformedAnswer.
    """
    answer: _CandlesAnswer = decode(body, _CandlesAnswer)
    candles = [
        (time_ns("time", at_ms) + resolution_s * 1_000_000_000, close) for at_ms, *_, close in answer.result.data
    ]
    highest = max((positive("index", close) for _, close in candles), default=0.0)
    if highest > _HIGHEST_PERCENTAGE:
        raise MalformedAnswer(f"a volatility index of {highest} is neither a fraction nor a percentage")
    unit = 1.0 if highest <= _HIGHEST_FRACTION else 100.0
    return [
        VolatilityIndex(exchange=source, symbol=asset, value=close / unit, ts_event=at_ns, ts_init=ts_init)
        for at_ns, close in sorted(candles)
        if at_ns <= now_ns
    ]


class _Error(Struct):
    code: int
    message: str


def read_error(body: bytes) -> tuple[int, str] | None:
    """The code and text of a refusal, where it is one."""
    try:
        answer = decode(body, dict)
        error = convert(answer.get("error"), _Error)
    except (MalformedAnswer, WrongShape):
        return None
    return error.code, error.message


def _usable(value: float | None) -> float:
    """The value when it is a positive number, otherwise 0: the venue sends null for what it does not know."""
    return value if value is not None and math.isfinite(value) and value > 0 else 0.0
