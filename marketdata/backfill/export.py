"""Bars from the database into the Parquet store, those that it lacks."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

from marketdata.backfill.rows import stored_bars
from marketdata.backfill.spans import Span, find_gaps
from marketdata.backfill.work import Job
from marketdata.events import Bar
from marketdata.store.layout import NS_PER_DAY, day_folder, day_of, time_of
from marketdata.store.parts import write_part
from marketdata.store.reader import read_bars


def export_bars(root: Path, job: Job, *, clock_ns: Callable[[], int]) -> int:
    """Write what the store lacks of a job, a file a day. Gives how many bars. Raises OSError and DamagedPart."""
    written = 0
    for start_ns in range(job.span.start_ns, job.span.end_ns, 30 * NS_PER_DAY):
        span = Span(start_ns=start_ns, end_ns=min(job.span.end_ns, start_ns + 30 * NS_PER_DAY))
        there = read_bars(root, job.exchange, job.symbol, job.timeframe, span.start_ns, span.end_ns)
        gaps = find_gaps((bar.ts_open for bar in there), span, job.length_ns)
        days: dict[date, list[Bar]] = {}
        for gap in gaps:
            for bar in stored_bars(job.instrument_id, job.timeframe, gap, exchange=job.exchange, symbol=job.symbol):
                days.setdefault(day_of(time_of(bar)), []).append(bar)
        for day, bars in days.items():
            first = clock_ns()
            folder = day_folder(root, job.exchange, job.symbol, "bar", day)
            name = f"part-{first:020d}-{os.getpid()}-{job.timeframe}.parquet"
            write_part(folder, name, Bar, list(enumerate(bars, first)))
            written += len(bars)
    return written
