"""Where what is stored lies: `<root>/<exchange>/<symbol>/<kind>/<YYYY-MM-DD>/part-….parquet`.

A symbol's `/` is written as `-`, and what no file system takes as `%XX`; the rows have it as it is. The day is that of
the time by which events are ordered, in UTC.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from marketdata.events import (
    Bar,
    BookSnapshot,
    Event,
    Funding,
    Headline,
    Liquidation,
    LongShort,
    OpenInterest,
    OptionsFlow,
    OptionsSummary,
    Premium,
    QuoteTick,
    Sentiment,
    TradeTick,
    VolatilityIndex,
)

NS_PER_DAY = 86_400_000_000_000
_RECORDS: tuple[type[Struct], ...] = (
    QuoteTick, TradeTick, BookSnapshot, Bar, Funding, OpenInterest, LongShort, Premium, Liquidation, OptionsSummary,
    VolatilityIndex, OptionsFlow, Sentiment, Headline,
)  # fmt: skip
# A kind is the tag of its record: quote, trade, book, bar, funding, …
KINDS: dict[str, type[Struct]] = {str(record.__struct_config__.tag): record for record in _RECORDS}
KIND_OF: dict[type, str] = {record: kind for kind, record in KINDS.items()}


class UnknownKind(ValueError):
    """No such kind of record is stored."""


def check_kinds(kinds: Iterable[str]) -> list[str]:
    """Raises UnknownKind, which lists the known ones."""
    chosen = list(dict.fromkeys(kinds))
    for kind in chosen:
        if kind not in KINDS:
            raise UnknownKind(f"Nothing of kind {kind!r} is stored. Known kinds: {', '.join(KINDS)}.")
    return chosen


def time_of(event: Event) -> int:
    """What events are ordered by, in ns: when we first saw it, and for a bar its end."""
    return event.ts_close if isinstance(event, Bar) else event.ts_init


def day_of(ns: int) -> date:
    return datetime.fromtimestamp(ns // 1_000_000_000, tz=UTC).date()


def days_between(start_ns: int, end_ns: int) -> list[date]:
    """The days of [start_ns, end_ns)."""
    if end_ns <= start_ns:
        return []
    first, last = day_of(start_ns), day_of(end_ns - 1)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def symbol_folder(root: Path, exchange: str, symbol: str) -> Path:
    return root / _name(exchange) / _name(symbol.replace("/", "-"))


def day_folder(root: Path, exchange: str, symbol: str, kind: str, day: date) -> Path:
    return symbol_folder(root, exchange, symbol) / kind / day.isoformat()


def _name(text: str) -> str:
    name = quote(text, safe=":")
    return name.replace(".", "%2E") if name in ("", ".", "..") or name.startswith(".") else name
