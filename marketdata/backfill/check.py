"""What a venue sent instead of bars is refused, by name. Nothing is repaired."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from marketdata.backfill.spans import Span, length_ns_of
from marketdata.events import Bar, Timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    ts_open: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """`good` are closed bars of the span, oldest first. `forming` are openings of bars that are not over yet."""

    good: list[Bar]
    refused: list[Refused]
    forming: frozenset[int]


def check_bars(bars: Sequence[Bar], span: Span, timeframe: Timeframe) -> Checked:
    """Sort a venue's answer. Bars from `span.end_ns` on were not asked for and are left out."""
    good: list[Bar] = []
    refused: list[Refused] = []
    forming: set[int] = set()
    times = Counter(bar.ts_open for bar in bars)
    newest_ns = 0
    for bar in bars:
        if bar.ts_open >= span.end_ns:
            continue
        if not bar.closed:
            forming.add(bar.ts_open)
            continue
        reason = _problem(bar, span, length_ns_of(timeframe))
        if not reason and times[bar.ts_open] > 1:
            # Two of them may differ, and nobody knows which is right; one that is merely repeated counts once.
            if any(other.ts_open == bar.ts_open and other != bar for other in bars):
                reason = "sent twice, with different numbers"
            elif good and good[-1].ts_open == bar.ts_open:
                reason = "sent twice"
        if not reason and bar.ts_open < newest_ns:
            reason = "out of order"
        if reason:
            refused.append(Refused(ts_open=bar.ts_open, reason=reason))
        else:
            newest_ns = bar.ts_open
            good.append(bar)
    return Checked(good=good, refused=refused, forming=frozenset(forming))


def _problem(bar: Bar, span: Span, length_ns: int) -> str:
    prices = (bar.open, bar.high, bar.low, bar.close)
    if bar.ts_open < span.start_ns:
        return "before the range that was asked for"
    if bar.ts_open % length_ns or bar.ts_close - bar.ts_open != length_ns:
        return "does not open where such bars do"
    if not all(map(isfinite, prices)):
        return "a price is not a number"
    if min(prices) <= 0:
        return "a price is zero or negative"
    if bar.high < bar.low:
        return "high is below low"
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        return "open or close is outside high and low"
    if not isfinite(bar.volume) or bar.volume < 0:
        return "volume is negative or not a number"
    return ""
