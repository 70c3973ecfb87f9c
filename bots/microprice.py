"""The nightly fit of the microprice from stored quotes, and the tables that it left."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import structlog

from bots.models import MicropriceFit
from marketdata.events import BookSnapshot, Event, QuoteTick
from marketdata.models import Instrument, Subscription
from marketdata.store.parts import DamagedPart
from marketdata.store.reader import read_events
from quant.features.microprice import MicropriceTable, fit

log = structlog.get_logger(__name__)

HOUR_NS = 3_600_000_000_000
# The newest hours with so many quotes, but no more than a day.
ENOUGH_QUOTES = 200_000
LONGEST_HOURS = 24
# A table that could not be made anew is used for as long; then the microprice is silent.
MAX_AGE_DAYS = 7

Quote = tuple[float, float, float, float]


def fit_all(root: Path, *, now_ns: int) -> dict[str, str]:
    """Fit every instrument that somebody follows; what came of it by "exchange symbol", in words."""
    told = {}
    for instrument in followed():
        try:
            told[str(instrument)] = fit_one(root, instrument, now_ns=now_ns)
        except DamagedPart as error:
            told[str(instrument)] = _refuse(instrument, f"stored quotes cannot be read: {error}", 0, now_ns)
    log.info("microprice.fitted", instruments=len(told), results=told)
    return told


def followed() -> list[Instrument]:
    places = set(Subscription.objects.values_list("exchange_id", "symbol"))
    rows = Instrument.objects.select_related("exchange").filter(symbol__in={symbol for _, symbol in places})
    return [row for row in rows if (row.exchange_id, row.symbol) in places]


def fit_one(root: Path, instrument: Instrument, *, now_ns: int) -> str:
    """Fit one from the quotes of the last hours, or the top of stored books; what came of it. Raises DamagedPart."""
    quotes = newest_quotes(root, instrument.exchange.code, instrument.symbol, now_ns=now_ns)
    if not len(quotes):
        reason = 'no quotes or books of the last day are stored: EVENT_STORE_KINDS must name "quote" or "book"'
        return _refuse(instrument, reason, 0, now_ns)
    bids, bid_sizes, asks, ask_sizes = quotes.T
    try:
        table = fit(bids, bid_sizes, asks, ask_sizes, tick=float(instrument.tick_size))
    except ValueError as error:
        return _refuse(instrument, str(error), len(quotes), now_ns)
    at = _at(now_ns)
    MicropriceFit.objects.update_or_create(
        instrument=instrument,
        defaults={
            "table": msgspec.to_builtins(table), "reason": "", "quotes": len(quotes), "tried_at": at, "fitted_at": at,
        },
    )  # fmt: skip
    return f"fitted from {table.n_quotes} quotes"


def newest_quotes(root: Path, exchange: str, symbol: str, *, now_ns: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(quotes, 4): bid, its size, ask, its size; oldest first."""
    hours: list[list[Quote]] = []
    for kind in ("quote", "book"):
        for back in range(LONGEST_HOURS):
            end_ns = now_ns - back * HOUR_NS
            hours.insert(0, list(_best(read_events(root, exchange, symbol, [kind], end_ns - HOUR_NS, end_ns))))
            if sum(map(len, hours)) >= ENOUGH_QUOTES:
                break
        if any(hours):
            break
    rows = [quote for hour in hours for quote in hour]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def _best(events: Iterable[Event]) -> Iterator[Quote]:
    for event in events:
        if isinstance(event, QuoteTick):
            yield event.bid, event.bid_size, event.ask, event.ask_size
        elif isinstance(event, BookSnapshot) and event.bids and event.asks:
            yield *event.bids[0], *event.asks[0]


def load_tables(*, now: datetime) -> dict[tuple[str, str], MicropriceTable]:
    """(exchange, symbol) -> the table, of those that are not too old."""
    rows = MicropriceFit.objects.filter(table__isnull=False).select_related("instrument__exchange")
    found = {}
    for row in rows:
        if row.fitted_at is None or (now - row.fitted_at).days >= MAX_AGE_DAYS:
            continue
        try:
            table = msgspec.convert(row.table, MicropriceTable)
        except msgspec.ValidationError as error:
            log.error("microprice.unusable", instrument=str(row.instrument), reason=str(error))
            continue
        found[(row.instrument.exchange.code, row.instrument.symbol)] = table
    return found


def _refuse(instrument: Instrument, reason: str, quotes: int, now_ns: int) -> str:
    """Say why; a table of an earlier night stays."""
    MicropriceFit.objects.update_or_create(
        instrument=instrument, defaults={"reason": reason[:300], "quotes": quotes, "tried_at": _at(now_ns)}
    )
    return reason


def _at(now_ns: int) -> datetime:
    return datetime.fromtimestamp(now_ns / 1e9, tz=UTC)
