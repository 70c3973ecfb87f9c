"""Bars from before the stream began: fetched by REST, kept in the database, loaded by who needs them."""

from collections.abc import AsyncIterator, Sequence
from typing import cast

from marketdata.aggregate import aggregate, shorter_timeframes
from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe
from marketdata.exchanges.adapter import Rest, UnsupportedTimeframe
from marketdata.models import BarRow

# Enough of each for 200-bar indicators and the regime of three timeframes.
BOOTSTRAP_BARS: dict[Timeframe, int] = {
    "1m": 500,
    "3m": 300,
    "5m": 300,
    "15m": 300,
    "30m": 300,
    "1h": 300,
    "4h": 300,
    "1d": 300,
}
_MAX_LIMIT = 1_000
# A few pages at any venue; enough for 300 bars of 3 minutes from single ones, or of 30 minutes from those of 5.
_MAX_PARTS = 2_000
_OVERLAP = 3
_LONG_GAP_NS = 3_600_000_000_000


async def first_minutes(rest: Rest, venue_symbol: str, *, symbol: str) -> list[Bar]:
    """Fetch the latest one-minute bars, the forming one last; fewer where the venue has fewer. Raises VenueError."""
    return await rest.bars(venue_symbol, symbol=symbol, timeframe="1m", limit=BOOTSTRAP_BARS["1m"])


async def longer_bars(rest: Rest, venue_symbol: str, *, symbol: str) -> AsyncIterator[list[Bar]]:
    """Fetch the latest bars of every longer timeframe, the shortest first. Raises VenueError.

    What the venue lacks is built from the longest shorter bars that it has, as many as those give; nothing is given for
    a timeframe of which there is nothing.
    """
    for timeframe, limit in BOOTSTRAP_BARS.items():
        if timeframe != "1m":
            bars = await _latest_bars(rest, venue_symbol, symbol=symbol, timeframe=timeframe, limit=limit)
            if bars:
                yield bars


async def _latest_bars(rest: Rest, venue_symbol: str, *, symbol: str, timeframe: Timeframe, limit: int) -> list[Bar]:
    try:
        return await rest.bars(venue_symbol, symbol=symbol, timeframe=timeframe, limit=limit)
    except UnsupportedTimeframe:
        pass
    seconds = TIMEFRAME_SECONDS[timeframe]
    for shorter in shorter_timeframes(timeframe):
        # The first set may be cut, and the last one is forming.
        parts = (limit + 2) * (seconds // TIMEFRAME_SECONDS[shorter])
        try:
            bars = await rest.bars(venue_symbol, symbol=symbol, timeframe=shorter, limit=min(parts, _MAX_PARTS))
        except UnsupportedTimeframe:
            continue
        return aggregate(bars, timeframe)[-limit:]
    return []


def is_long_gap(known: Sequence[Bar], *, now_ns: int) -> bool:
    """Whether so much is missing since `known`, oldest first, that longer bars cannot be built from its minutes."""
    begin_ns = _first_hole(known)
    return begin_ns is not None and now_ns - begin_ns > _LONG_GAP_NS


async def missing_minutes(rest: Rest, venue_symbol: str, *, symbol: str, known: Sequence[Bar]) -> list[Bar]:
    """Fetch the minutes from a little before the first hole in `known` until now. Raises VenueError."""
    begin_ns = _first_hole(known)
    start_ns = begin_ns - _OVERLAP * 60_000_000_000 if begin_ns is not None else None
    return await rest.bars(venue_symbol, symbol=symbol, timeframe="1m", limit=_MAX_LIMIT, start_ns=start_ns)


def _first_hole(known: Sequence[Bar]) -> int | None:
    """When the first minute begins that does not follow the one before it."""
    begin_ns: int | None = None
    for bar in known:
        if begin_ns is not None and bar.ts_open != begin_ns:
            break
        begin_ns = bar.ts_close
    return begin_ns


def load_bars(exchange: str, symbol: str, timeframe: Timeframe, limit: int) -> list[Bar]:
    """The latest stored bars, oldest first; fewer than `limit` when there are fewer."""
    rows = BarRow.objects.filter(
        instrument__exchange__code=exchange, instrument__symbol=symbol, timeframe=timeframe
    ).order_by("-ts_open")[:limit]
    return [to_bar(row, exchange=exchange, symbol=symbol) for row in reversed(list(rows))]


def to_bar(row: BarRow, *, exchange: str, symbol: str) -> Bar:
    timeframe = cast("Timeframe", row.timeframe)
    return Bar(
        exchange=exchange,
        symbol=symbol,
        timeframe=timeframe,
        ts_open=row.ts_open,
        ts_close=row.ts_open + TIMEFRAME_SECONDS[timeframe] * 1_000_000_000,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=row.volume,
        taker_buy_volume=row.taker_buy_volume,
        trades=row.trades,
        source=row.source,
    )
