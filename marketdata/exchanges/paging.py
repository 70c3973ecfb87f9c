"""Bars from venues that give only so many in one answer."""

from collections.abc import Awaitable, Callable

from marketdata.events import Bar

# Bars that open from the first time on and before the second, both in ns, in any order.
FetchBars = Callable[[int, int], Awaitable[list[Bar]]]


async def collect_bars(
    fetch: FetchBars, *, start_ns: int | None, now_ns: int, length_ns: int, limit: int, page: int
) -> list[Bar]:
    """Ask window by window, each of at most `page` bars; give at most `limit`, oldest first, each once.

    They begin at `start_ns`, or are the latest without it. Venues leave out bars in which nothing was traded, so
    windows are asked until there are enough or now is reached.
    """
    end_ns = now_ns - now_ns % length_ns + length_ns
    begin_ns = end_ns - limit * length_ns if start_ns is None else -(-start_ns // length_ns) * length_ns
    found: dict[int, Bar] = {}
    while begin_ns < end_ns and len(found) < limit:
        until_ns = min(begin_ns + page * length_ns, end_ns)
        for bar in await fetch(begin_ns, until_ns):
            if begin_ns <= bar.ts_open < until_ns:
                found[bar.ts_open] = bar
        begin_ns = until_ns
    return [found[opened] for opened in sorted(found)][:limit]
