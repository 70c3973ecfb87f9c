"""All fills and orders of a symbol since a time, whatever a venue's pages are like."""

from collections.abc import Awaitable, Callable
from typing import Any

from bots.brokers.venue import VenueUnavailable

MAX_REQUESTS = 200
# Windows without a single row are asked for too.
MAX_WINDOWS = 40

Row = dict[str, Any]
# From the first millisecond to the last, both included.
AskSpan = Callable[[int, int], Awaitable[list[Row]]]
AskFrom = Callable[[int], Awaitable[list[Row]]]


async def by_id(
    ask_span: AskSpan, ask_from: AskFrom, *, since_ms: int, until_ms: int, window_ms: int, page: int, id_name: str
) -> list[Row]:
    """Windows of time until the first full page, then by ids, which nothing can fall between. Rows come oldest first.

    The rows' ids are numbers under `id_name`. A time long ago is reached by ids alone, with what is older. Raises
    VenueUnavailable when there is no end to them.
    """
    found: dict[int, Row] = {}
    is_cut = (until_ms - since_ms) // window_ms > MAX_WINDOWS
    begun_ms = since_ms
    while begun_ms <= until_ms and not is_cut:
        rows = await ask_span(begun_ms, min(begun_ms + window_ms, until_ms))
        found |= {int(row[id_name]): row for row in rows}
        is_cut = len(rows) >= page
        begun_ms += window_ms + 1
    asked = 0
    while is_cut:
        rows = await ask_from(max(found, default=-1) + 1)
        asked += 1
        if asked > MAX_REQUESTS:
            raise VenueUnavailable(f"The venue's history since {since_ms} has more than {MAX_REQUESTS} pages.")
        found |= {int(row[id_name]): row for row in rows}
        is_cut = len(rows) >= page
    return [found[key] for key in sorted(found)]


async def by_halves(
    ask_span: AskSpan, *, since_ms: int, until_ms: int, window_ms: int, page: int, key: Callable[[Row], str]
) -> list[Row]:
    """Spans that are halved while their answer may have been cut: right whichever end a venue cuts at.

    Neighbours share their edge, and rows are told apart by `key`. Raises VenueUnavailable when there is no end.
    """
    found: dict[str, Row] = {}
    spans = [(begun, min(begun + window_ms, until_ms)) for begun in range(since_ms, until_ms + 1, window_ms + 1)]
    asked = 0
    while spans:
        begun_ms, ended_ms = spans.pop(0)
        if asked >= MAX_REQUESTS:
            raise VenueUnavailable(f"The venue's history since {since_ms} has more than {MAX_REQUESTS} pages.")
        rows = await ask_span(begun_ms, ended_ms)
        asked += 1
        found |= {key(row): row for row in rows}
        if len(rows) >= page and ended_ms > begun_ms:
            middle_ms = (begun_ms + ended_ms) // 2
            spans[:0] = [(begun_ms, middle_ms), (middle_ms + 1, ended_ms)]
    return list(found.values())
