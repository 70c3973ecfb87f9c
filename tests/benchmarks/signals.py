"""Signals: a tick until all are read, and the blend for all bots of a symbol."""

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from msgspec import structs
from talib import stream

from marketdata.events import TIMEFRAME_SECONDS, Bar, Event, Timeframe
from quant.blend import blend, weight_row
from quant.correlation import CorrelationEstimator
from quant.features.microprice import MicropriceTable
from quant.reading import LEARNED
from quant.regime import combine
from quant.regime_detector import RegimeDetector
from quant.symbol_signals import SymbolSignals
from quant.vector import SignalVector
from tests.benchmarks.rows import Row, best_seconds, percentile
from tests.unit.quant.market import IDS, SECOND, START, session, walk
from tests.unit.quant.slow_market import everything

BARS = 500
NOW = START + BARS * 60 * SECOND
LIVE_S = 110
DAYS = 35
MEGABYTE = 1024 * 1024
TIMEFRAMES: tuple[Timeframe, ...] = ("1m", "3m", "5m", "15m", "30m", "1h")
# Any numbers do: a look-up takes as long whatever is found.
TABLE = MicropriceTable(tick=0.01, bins=10, adjustments=((0.1,) * 10,) * 4, n_quotes=1000)


def run() -> dict[str, Row]:
    bars = walk(BARS)
    events = session(LIVE_S, start=NOW, price=bars[-1].close)
    slow = everything(DAYS, end=NOW + LIVE_S * SECOND)
    signals = SymbolSignals(**IDS)
    signals.set_microprice(TABLE)
    signals.warm_up(bars)
    warm_up_ms = best_seconds(lambda: SymbolSignals(**IDS).warm_up(bars)) * 1e3
    started = time.perf_counter()
    signals.load_observations(slow)
    load_us = (time.perf_counter() - started) * 1e6 / len(slow)
    tick_us = _ticks_us(signals, events)
    vector = signals.read(now_ns=events[-1].ts_init)
    silent = [
        column.name
        for column, reading in zip(vector.columns, vector.readings, strict=True)
        if reading.value is None and column.component not in LEARNED
    ]
    if silent:
        raise RuntimeError(f"this measures all signals, but these say nothing: {', '.join(silent)}")
    many = SymbolSignals(**IDS, timeframes=TIMEFRAMES)
    many.warm_up(_of_all_timeframes(bars))
    many.load_observations(slow)
    many_us = _ticks_us(many, events)
    bare_us = _bare_handles_us(bars)
    rows = {
        "signal.tick_to_read_p50": Row(value=percentile(tick_us, 50), unit="µs", floor=bare_us, budget=150.0),
        "signal.tick_to_read_p99": Row(value=percentile(tick_us, 99), unit="µs", floor=bare_us, budget=250.0),
        "signal.tick_to_read_6_timeframes_p50": Row(
            value=percentile(many_us, 50), unit="µs", floor=bare_us, budget=150.0
        ),
        "signal.warm_up_500_bars": Row(value=warm_up_ms, unit="ms", floor=BARS * bare_us / 1e3, budget=100.0),
        "signal.slow_observation": Row(value=load_us, unit="µs", floor=bare_us, budget=50.0),
        "signal.regime_bar": Row(value=_regime_us(bars), unit="µs", floor=bare_us / 3, budget=100.0),
        "signal.memory_per_symbol": Row(value=_megabytes(bars, slow), unit="MB", floor=0.0, budget=2.0),
    }
    for bots, budget_us in ((100, 40.0), (1000, 50.0)):
        rows[f"signal.blend_{bots}_bots"] = _blend_row(vector, bots, budget_us)
    rows["signal.blend_1000_bots_correlated"] = _blend_row(vector, 1000, 50.0, correlated=True)
    return rows


def _of_all_timeframes(bars: list[Bar]) -> list[Bar]:
    """The same bars as if each timeframe had seen them, up to now."""
    found = []
    for name in TIMEFRAMES:
        length = TIMEFRAME_SECONDS[name] * SECOND
        first = NOW // length * length - len(bars) * length
        found += [
            structs.replace(bar, timeframe=name, ts_open=first + i * length, ts_close=first + (i + 1) * length)
            for i, bar in enumerate(bars)
        ]
    return found


def _ticks_us(signals: SymbolSignals, events: list[Event]) -> list[float]:
    took = []
    for event in events:
        before = time.perf_counter_ns()
        signals.update(event)
        signals.read(now_ns=event.ts_init)
        took.append((time.perf_counter_ns() - before) / 1e3)
    return took[len(took) // 2 :]


def _megabytes(bars: list[Bar], slow: list[Event]) -> float:
    """What one symbol holds when every window is full: bars of six timeframes, an hour of seconds, a month of others."""
    all_bars = _of_all_timeframes(bars)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    signals = SymbolSignals(**IDS, timeframes=TIMEFRAMES)
    signals.warm_up(all_bars)
    signals.load_observations(slow)
    for event in session(3700, start=NOW, price=bars[-1].close):
        signals.update(event)
    correlation = CorrelationEstimator(signals.columns)
    correlation.observe(signals.read(now_ns=NOW + 3700 * SECOND))
    del event
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return held / MEGABYTE


def _bare_handles_us(bars: list[Bar]) -> float:
    """The thirteen TA-Lib handles behind technical, peeked at without anything around them."""
    close = np.array([bar.close for bar in bars])
    high, low = np.array([bar.high for bar in bars]), np.array([bar.low for bar in bars])
    handles = [
        *(stream.EMA(close, timeperiod=span) for span in (8, 16, 32, 64, 128)),
        *(kind(close, timeperiod=n) for kind in (stream.MAX, stream.MIN) for n in (20, 80)),
        stream.SMA(close, timeperiod=20),
        stream.STDDEV(close, timeperiod=20),
        stream.RSI(close, timeperiod=14),
    ]
    adx = stream.ADX(high, low, close, timeperiod=14)
    h, l, c = float(high[-1]), float(low[-1]), float(close[-1])  # noqa: E741
    return _median_us(lambda: ([handle.peek(c) for handle in handles], adx.peek(h, l, c)))


def _regime_us(bars: list[Bar]) -> float:
    """A bar of one timeframe, and the regime of three combined."""
    detectors = {name: RegimeDetector("1m") for name in ("1m", "5m", "1h")}
    for detector in detectors.values():
        for bar in bars[:-300]:
            detector.update(bar)
    states = {name: detector.state for name, detector in detectors.items()}
    took = []
    for bar in bars[-300:]:
        before = time.perf_counter_ns()
        detectors["1m"].update(bar)
        states["1m"] = detectors["1m"].state
        combine(states)
        took.append((time.perf_counter_ns() - before) / 1e3)
    return percentile(took, 50)


def _blend_row(vector: SignalVector, bots: int, budget_us: float, *, correlated: bool = False) -> Row:
    row = weight_row(vector.columns, timeframe_weights={"1m": 1.0}, forming=True)
    weights = np.asfortranarray(np.tile(row, (bots, 1)) * np.random.default_rng(1).uniform(0.5, 1.5, (bots, len(row))))
    gain = vector.quality * np.nan_to_num(vector.values)
    correlation = CorrelationEstimator(vector.columns).matrix if correlated else None
    value = _median_us(lambda: blend(weights, vector, correlation=correlation))
    floor = _median_us(lambda: (weights @ gain) / (weights @ vector.quality))
    return Row(value=value, unit="µs", floor=floor, budget=budget_us)


def _median_us(work: Callable[[], object], repeat: int = 500) -> float:
    times = []
    for _ in range(repeat):
        before = time.perf_counter_ns()
        work()
        times.append((time.perf_counter_ns() - before) / 1e3)
    return float(np.median(times))
