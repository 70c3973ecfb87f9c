"""Reads the store, in order, a day at a time."""

from collections.abc import Iterable, Iterator
from heapq import merge
from pathlib import Path
from typing import cast

from marketdata.events import TIMEFRAME_SECONDS, Bar, Event, Timeframe
from marketdata.store.layout import KINDS, check_kinds, day_folder, days_between
from marketdata.store.parts import Part, Row, open_parts, read_in_order


def read_events(
    root: Path, exchange: str, symbol: str, kinds: Iterable[str], start_ns: int, end_ns: int
) -> Iterator[Event]:
    """Events of a symbol with start_ns <= time < end_ns, by time, then as they were written.

    The time is `ts_init`, for a bar its end; `kinds` are tags such as "quote", "trade", "book", "bar". Of the files no
    more than a group of rows each is in memory. Raises UnknownKind and DamagedPart.
    """
    chosen = check_kinds(kinds)
    for day in days_between(start_ns, end_ns):
        streams: list[Iterator[Row]] = []
        for kind in chosen:
            parts = open_parts(day_folder(root, exchange, symbol, kind, day), KINDS[kind])
            needed = [part for part in parts if part.last[0] >= start_ns and part.first[0] < end_ns]
            for part in parts:
                if part not in needed:
                    part.file.close()
            if needed:
                streams.append(_of_symbol(needed, kind, symbol))
        rows = streams[0] if len(streams) == 1 else merge(*streams, key=lambda row: row[0])
        for (time_ns, _), event in rows:
            if time_ns >= end_ns:
                break
            if time_ns >= start_ns:
                yield event


def _of_symbol(parts: list[Part], kind: str, symbol: str) -> Iterator[Row]:
    """Two symbols may share a folder, e.g. BTC/USDT and BTC-USDT."""
    return (row for row in read_in_order(parts, KINDS[kind]) if row[1].symbol == symbol)


def read_bars(root: Path, exchange: str, symbol: str, timeframe: Timeframe, start_ns: int, end_ns: int) -> list[Bar]:
    """Bars that open in [start_ns, end_ns), oldest first, each once: as it was written last.

    Raises DamagedPart.
    """
    length_ns = TIMEFRAME_SECONDS[timeframe] * 1_000_000_000
    found: dict[int, tuple[int, Bar]] = {}
    for day in days_between(start_ns, end_ns + length_ns):
        parts = open_parts(day_folder(root, exchange, symbol, "bar", day), Bar)
        if not parts:
            continue
        for (_, order), event in _of_symbol(parts, "bar", symbol):
            bar = cast("Bar", event)
            if bar.timeframe != timeframe or not start_ns <= bar.ts_open < end_ns:
                continue
            if bar.ts_open not in found or found[bar.ts_open][0] < order:
                found[bar.ts_open] = order, bar
    return [found[ts_open][1] for ts_open in sorted(found)]
