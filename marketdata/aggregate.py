"""Longer bars from shorter ones."""

from collections.abc import Iterable, Sequence

from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe


def merge_bars(timeframe: Timeframe, ts_open: int, length_ns: int, parts: Sequence[Bar], *, closed: bool) -> Bar:
    """One bar of all `parts`, oldest first, of which there is one at least."""
    sources = {bar.source for bar in parts}
    buys = [bar.taker_buy_volume for bar in parts]
    return Bar(
        exchange=parts[0].exchange,
        symbol=parts[0].symbol,
        timeframe=timeframe,
        ts_open=ts_open,
        ts_close=ts_open + length_ns,
        open=parts[0].open,
        high=max(bar.high for bar in parts),
        low=min(bar.low for bar in parts),
        close=parts[-1].close,
        volume=sum(bar.volume for bar in parts),
        taker_buy_volume=None if None in buys else sum(buy for buy in buys if buy is not None),
        trades=sum(bar.trades for bar in parts),
        closed=closed,
        source=next((name for name in ("synthetic", "rest", "venue") if name in sources), "trades"),
    )


def aggregate(bars: Iterable[Bar], timeframe: Timeframe) -> list[Bar]:
    """Build longer bars, oldest first, from closed shorter ones of one instrument and one timeframe.

    Only of complete sets: a longer bar of which a part is missing is left out. Gives nothing where `timeframe` is not
    a multiple of theirs.
    """
    length_ns = TIMEFRAME_SECONDS[timeframe] * 1_000_000_000
    sets: dict[int, dict[int, Bar]] = {}
    for bar in bars:
        if bar.closed:
            sets.setdefault(bar.ts_open - bar.ts_open % length_ns, {})[bar.ts_open] = bar
    built: list[Bar] = []
    for begin in sorted(sets):
        parts = [sets[begin][ts_open] for ts_open in sorted(sets[begin])]
        part_ns = parts[0].ts_close - parts[0].ts_open
        if part_ns < length_ns and len(parts) * part_ns == length_ns and parts[0].ts_open == begin:
            built.append(merge_bars(timeframe, begin, length_ns, parts, closed=True))
    return built


def shorter_timeframes(timeframe: Timeframe) -> list[Timeframe]:
    """Those that `timeframe` can be built from, the longest first."""
    seconds = TIMEFRAME_SECONDS[timeframe]
    shorter = [name for name, length in TIMEFRAME_SECONDS.items() if length < seconds and seconds % length == 0]
    return shorter[::-1]
