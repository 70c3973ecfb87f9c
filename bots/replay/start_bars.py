"""Bars from before a recording: stored ones, or generated ones that end at its first price."""

import math
from collections.abc import Sequence

import numpy as np

from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe

MINUTE_NS = 60_000_000_000
ANNUAL_VOLATILITY = 0.5
MINUTES_PER_YEAR = 365 * 24 * 60


def generated_bars(
    *, exchange: str, symbol: str, price: float, before_ns: int, count: int = 500, seed: int = 1
) -> list[Bar]:
    """A random walk of closed minutes, oldest first, the last one ending at or before `before_ns` at `price`.

    The same arguments give the same bars. Marked "synthetic". Raises ValueError for a price that is not positive.
    """
    if not (math.isfinite(price) and price > 0):
        raise ValueError(f"bars before a recording need its first price, got {price!r}")
    rng = np.random.default_rng(seed)
    sigma = ANNUAL_VOLATILITY / math.sqrt(MINUTES_PER_YEAR)
    steps = rng.normal(0.0, sigma, count)
    wicks = np.abs(rng.normal(0.0, sigma / 2, (count, 2)))
    volumes = rng.lognormal(1.0, 0.5, count)
    closes = price * np.exp(np.cumsum(steps) - np.sum(steps))
    opens = np.concatenate(([closes[0]], closes[:-1]))
    end_ns = before_ns // MINUTE_NS * MINUTE_NS
    bars = []
    for i in range(count):
        open_, close = float(opens[i]), float(closes[i])
        ts_close = end_ns - (count - 1 - i) * MINUTE_NS
        bars.append(
            Bar(
                exchange=exchange,
                symbol=symbol,
                timeframe="1m",
                ts_open=ts_close - MINUTE_NS,
                ts_close=ts_close,
                open=open_,
                high=max(open_, close) * (1 + float(wicks[i, 0])),
                low=min(open_, close) * (1 - float(wicks[i, 1])),
                close=close,
                volume=float(volumes[i]),
                taker_buy_volume=None,
                trades=1,
                source="synthetic",
            )
        )
    return bars


def aggregated(minutes: Sequence[Bar], timeframe: Timeframe) -> list[Bar]:
    """Whole bars of a longer timeframe from consecutive minutes, oldest first; parts at either end are left out."""
    length_ns = TIMEFRAME_SECONDS[timeframe] * 1_000_000_000
    groups: dict[int, list[Bar]] = {}
    for bar in minutes:
        groups.setdefault(bar.ts_open // length_ns * length_ns, []).append(bar)
    return [
        Bar(
            exchange=bars[0].exchange,
            symbol=bars[0].symbol,
            timeframe=timeframe,
            ts_open=ts_open,
            ts_close=ts_open + length_ns,
            open=bars[0].open,
            high=max(bar.high for bar in bars),
            low=min(bar.low for bar in bars),
            close=bars[-1].close,
            volume=sum(bar.volume for bar in bars),
            taker_buy_volume=None,
            trades=sum(bar.trades for bar in bars),
            source=bars[0].source,
        )
        for ts_open, bars in groups.items()
        if len(bars) * MINUTE_NS == length_ns
    ]
