"""Stretches of time, what is missing in them, and how to say when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from marketdata.events import TIMEFRAME_SECONDS, Timeframe

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """[start_ns, end_ns)."""

    start_ns: int
    end_ns: int

    def bars(self, length_ns: int) -> int:
        return (self.end_ns - self.start_ns) // length_ns


def length_ns_of(timeframe: Timeframe) -> int:
    return TIMEFRAME_SECONDS[timeframe] * NS_PER_S


def on_grid(span: Span, length_ns: int) -> Span:
    """The whole bars within: from the first that opens in it to the last that closes in it."""
    start_ns = -(-span.start_ns // length_ns) * length_ns
    return Span(start_ns=start_ns, end_ns=max(start_ns, span.end_ns // length_ns * length_ns))


def find_gaps(opens: Iterable[int], span: Span, length_ns: int) -> list[Span]:
    """What is missing in `span` (on the grid) beside bars that open at `opens`, in any order."""
    gaps: list[Span] = []
    next_ns = span.start_ns
    for ts_open in sorted(opens):
        if not span.start_ns <= ts_open < span.end_ns:
            continue
        if ts_open > next_ns:
            gaps.append(Span(start_ns=next_ns, end_ns=ts_open))
        next_ns = max(next_ns, ts_open + length_ns)
    if next_ns < span.end_ns:
        gaps.append(Span(start_ns=next_ns, end_ns=span.end_ns))
    return gaps


def joined(spans: Sequence[Span]) -> list[Span]:
    """In order, those that touch as one."""
    out: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start_ns):
        if out and span.start_ns <= out[-1].end_ns:
            out[-1] = Span(start_ns=out[-1].start_ns, end_ns=max(out[-1].end_ns, span.end_ns))
        else:
            out.append(span)
    return out


def total_bars(spans: Iterable[Span], length_ns: int) -> int:
    return sum(span.bars(length_ns) for span in spans)


def say_time(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // NS_PER_S, tz=UTC):%Y-%m-%d %H:%M}"


def say_span(span: Span) -> str:
    """Day and time of both ends, in UTC; the day once where it is the same."""
    start, end = say_time(span.start_ns), say_time(span.end_ns)
    return f"{start}–{end[11:] if start[:10] == end[:10] else end}"  # noqa: RUF001 as times are printed
