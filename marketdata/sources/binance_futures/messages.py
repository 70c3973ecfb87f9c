"""Answers of Binance's USD-M futures about a perpetual, as events of its base asset.

Source: https://developers.binance.com/docs/derivatives/usds-margined-futures. Numbers arrive as strings.
"""

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from marketdata.events import Funding, LongShort, OpenInterest, Premium
from marketdata.sources.answers import MalformedAnswer, decode, finite, not_negative, positive, time_ns

USUAL_INTERVAL_H = 8.0
_INTERVALS_H = (1.0, 2.0, 4.0, 8.0)
_MULTIPLES = (("", 1), ("1000", 1_000), ("1000000", 1_000_000))
_QUOTES = ("USDT", "USDC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Perpetual:
    """Where an asset is traded: `units` of it are one of the contract's (1000SHIBUSDT has 1,000)."""

    asset: str
    symbol: str
    units: int


class PremiumRow(Struct):
    symbol: str
    markPrice: float
    indexPrice: float
    time: int


class _Interest(Struct):
    openInterest: float
    time: int


class _InterestRow(Struct):
    sumOpenInterest: float
    timestamp: int


class _RatioRow(Struct):
    longShortRatio: float
    timestamp: int


class _TakerRow(Struct):
    buySellRatio: float
    timestamp: int


class _BasisRow(Struct):
    indexPrice: float
    futuresPrice: float
    timestamp: int


class _FundingRow(Struct):
    fundingRate: float
    fundingTime: int


class _IntervalRow(Struct):
    symbol: str
    fundingIntervalHours: float


def read_premiums(body: bytes) -> dict[str, PremiumRow]:
    """All listed contracts by the venue's symbol. Raises MalformedAnswer."""
    rows: list[PremiumRow] = decode(body, list[PremiumRow])
    return {row.symbol: row for row in rows}


def perpetuals(assets: Iterable[str], listed: Iterable[str]) -> list[Perpetual]:
    """The perpetual of each asset that has one, in the order of `assets`."""
    known = set(listed)
    found = []
    for asset in assets:
        spellings = ((f"{prefix}{asset}{quote}", units) for quote in _QUOTES for prefix, units in _MULTIPLES)
        for symbol, units in spellings:
            if symbol in known:
                found.append(Perpetual(asset=asset, symbol=symbol, units=units))
                break
    return found


def premium(row: PremiumRow, of: Perpetual, *, source: str, ts_init: int) -> Premium:
    """Raises MalformedAnswer."""
    return Premium(
        exchange=source,
        symbol=of.asset,
        mark=positive("markPrice", row.markPrice) / of.units,
        index=positive("indexPrice", row.indexPrice) / of.units,
        ts_event=time_ns("time", row.time),
        ts_init=ts_init,
    )


def open_interest(body: bytes, of: Perpetual, *, source: str, ts_init: int) -> OpenInterest:
    """Raises MalformedAnswer."""
    row: _Interest = decode(body, _Interest)
    return OpenInterest(
        exchange=source,
        symbol=of.asset,
        contracts=not_negative("openInterest", row.openInterest) * of.units,
        ts_event=time_ns("time", row.time),
        ts_init=ts_init,
    )


def open_interest_history(body: bytes, of: Perpetual, *, source: str, ts_init: int) -> list[OpenInterest]:
    """In contracts: the value in dollars contains the price. Raises MalformedAnswer."""
    rows: list[_InterestRow] = decode(body, list[_InterestRow])
    return [
        OpenInterest(
            exchange=source,
            symbol=of.asset,
            contracts=not_negative("sumOpenInterest", row.sumOpenInterest) * of.units,
            ts_event=time_ns("timestamp", row.timestamp),
            ts_init=ts_init,
        )
        for row in rows
    ]


def long_short(body: bytes, of: Perpetual, *, scope: str, source: str, ts_init: int) -> list[LongShort]:
    """Raises MalformedAnswer."""
    rows: list[_RatioRow] = decode(body, list[_RatioRow])
    return [_ratio(row.longShortRatio, row.timestamp, of, scope, source, ts_init) for row in rows]


def taker(body: bytes, of: Perpetual, *, source: str, ts_init: int) -> list[LongShort]:
    """Bought by takers for each one sold. Raises MalformedAnswer."""
    rows: list[_TakerRow] = decode(body, list[_TakerRow])
    return [_ratio(row.buySellRatio, row.timestamp, of, "taker", source, ts_init) for row in rows]


def _ratio(value: float, at_ms: int, of: Perpetual, scope: str, source: str, ts_init: int) -> LongShort:
    return LongShort(
        exchange=source,
        symbol=of.asset,
        scope=scope,
        # Zero is what the venue sends while nothing was sold.
        ratio=not_negative("ratio", value),
        ts_event=time_ns("timestamp", at_ms),
        ts_init=ts_init,
    )


def quarter_premiums(body: bytes, of: Perpetual, *, source: str, ts_init: int) -> list[Premium]:
    """The future of the current quarter beside its index. Raises MalformedAnswer."""
    rows: list[_BasisRow] = decode(body, list[_BasisRow])
    events = []
    for row in rows:
        at_ns = time_ns("timestamp", row.timestamp)
        events.append(
            Premium(
                exchange=source,
                symbol=of.asset,
                mark=positive("futuresPrice", row.futuresPrice),
                index=positive("indexPrice", row.indexPrice),
                ts_event=at_ns,
                ts_init=ts_init,
                expiry=quarter_end_ns(at_ns),
            )
        )
    return events


def quarter_end_ns(at_ns: int) -> int:
    """When the future of the quarter ends: 08:00 UTC on the last Friday of March, June, September or December."""
    at = datetime.fromtimestamp(at_ns / 1e9, tz=UTC)
    year, month = at.year, -(-at.month // 3) * 3
    while True:
        last = datetime(year, month, calendar.monthrange(year, month)[1], 8, tzinfo=UTC)
        end = last - timedelta(days=(last.weekday() - calendar.FRIDAY) % 7)
        if end > at:
            return int(end.timestamp()) * 1_000_000_000
        year, month = (year, month + 3) if month < 12 else (year + 1, 3)


def funding_intervals(body: bytes) -> dict[str, float]:
    """Hours by symbol, of those that differ from the usual eight. Raises MalformedAnswer."""
    rows: list[_IntervalRow] = decode(body, list[_IntervalRow])
    return {row.symbol: positive("fundingIntervalHours", row.fundingIntervalHours) for row in rows}


def fundings(
    body: bytes, of: Perpetual, *, intervals_h: Mapping[str, float], before_ns: int, source: str, ts_init: int
) -> list[Funding]:
    """Settled rates, oldest first. `before_ns` is the settlement before the first one, 0 when it is not known.

    The interval is the time since the settlement before, where that is one that the venue uses: it has changed in the
    past for many symbols, and `intervals_h` knows only today's. Raises MalformedAnswer.
    """
    rows: list[_FundingRow] = decode(body, list[_FundingRow])
    events = []
    for row in rows:
        at_ns = time_ns("fundingTime", row.fundingTime)
        since_h = round((at_ns - before_ns) / 3_600e9, 2)
        interval_h = next((hours for hours in _INTERVALS_H if abs(hours - since_h) < 0.02), None)
        events.append(
            Funding(
                exchange=source,
                symbol=of.asset,
                rate=finite("fundingRate", row.fundingRate),
                interval_h=interval_h or intervals_h.get(of.symbol, USUAL_INTERVAL_H),
                ts_event=at_ns,
                ts_init=ts_init,
            )
        )
        before_ns = at_ns
    _must_ascend([event.ts_event for event in events])
    return events


def _must_ascend(times: Sequence[int]) -> None:
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise MalformedAnswer("the settlements are not in the order of time")
