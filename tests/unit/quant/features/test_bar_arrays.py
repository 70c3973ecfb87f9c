"""Technical bar by bar equals its array form within 1e-12, on recorded minutes of two markets and on walks."""

import csv
import gzip
import math
from functools import partial

import numpy as np
import pytest
from msgspec import structs

from quant.features.bar_arrays import BarColumns, learned, technical_arrays
from quant.features.scale import ForecastScale
from quant.reading import weighted_mean
from quant.signals.technical import Technical
from quant.strategies import STRATEGY_WEIGHTS
from tests.unit.quant.features import arrays as definitions
from tests.unit.quant.market import BAR_RECORDINGS, bar, bars_of, recorded_bars, recording, walk


def perpetual(n):
    with gzip.open(recording("bars/btc_perp_1m_2021-12-31_2022-02-01.csv.gz"), "rt") as lines:
        rows = [row for _, row in zip(range(n), csv.DictReader(lines), strict=False)]
    names = ("high", "low", "volume")
    return [
        bar(i, float(r["close"]), open_=float(r["open"]), **{name: float(r[name]) for name in names})
        for i, r in enumerate(rows)
    ]


def with_takers(bars):
    return [structs.replace(b, taker_buy_volume=b.volume * (i % 11) / 10) for i, b in enumerate(bars)]


SCENES = {
    "bitfinex": lambda: recorded_bars(3000),
    "perpetual": lambda: with_takers(perpetual(3000)),
    **{name: partial(bars_of, name, 900) for name in BAR_RECORDINGS},
    "cheap": lambda: with_takers(recorded_bars(700, price=3.1e-7)),
    "walk": lambda: walk(900),
    "short": lambda: walk(70),
    "still": lambda: [bar(i, 100.0) for i in range(60)],
}


def columns(bars):
    def of(name):
        return np.array([getattr(b, name) for b in bars], dtype=float)

    return BarColumns(
        ts_open=np.array([b.ts_open for b in bars]),
        high=of("high"),
        low=of("low"),
        close=of("close"),
        volume=of("volume"),
        taker_buy=of("taker_buy_volume"),
    )


def assert_close(streamed, whole):
    if streamed is None or whole is None:
        assert streamed is whole
    else:
        assert streamed == pytest.approx(whole, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", SCENES)
def test_event_by_event_equals_arrays(name):
    bars = SCENES[name]()
    found, signal = technical_arrays(columns(bars)), Technical("1m")
    for i, b in enumerate(bars):
        signal.update(b)
        if i < 49:
            continue
        at = {part: None if math.isnan(column[i]) else float(column[i]) for part, column in found.items()}
        adx = at["adx"]
        switch = min(1.0, max(0.0, ((adx or 0.0) - 20.0) / 10.0))
        for part, factor in (("trend", 0.5 + 0.5 * switch), ("mean_reversion", 1.0 - switch)):
            whole = at[part]
            at[part] = None if whole is None else whole * factor
        reading = signal.reading
        for part, value in at.items():
            assert_close(reading.parts[part], value)
        assert_close(reading.value, weighted_mean(at, STRATEGY_WEIGHTS))


@pytest.mark.parametrize("name", ["bitfinex", "walk"])
def test_arrays_equal_their_definitions(name):
    bars = SCENES[name]()[:900]
    found, history = technical_arrays(columns(bars)), columns(bars)
    np.testing.assert_allclose(found["momentum"], definitions.momentum(history.close), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        found["liquidity"], definitions.liquidity(history.high, history.low, history.close), rtol=1e-9, atol=1e-9
    )


def test_scales_equal_the_streaming_ones():
    raw = np.random.default_rng(1).normal(0, 2, 1500)
    raw[::7] = 0.0
    raw[::13] = np.nan
    scale = ForecastScale(5.3)
    for x, expected in zip(raw.tolist(), learned(raw, 5.3).tolist(), strict=True):
        if not math.isnan(x):
            assert scale.norm(x) == expected
            scale.observe(x)


def test_truncated_arrays_say_the_same():
    bars = recorded_bars(800)
    whole, short = technical_arrays(columns(bars)), technical_arrays(columns(bars[:500]))
    for name, column in whole.items():
        np.testing.assert_array_equal(column[:500], short[name], err_msg=name)


def test_no_bars_no_arrays():
    assert technical_arrays(columns([])) == {}


def test_daily_bars_look_back_a_month_a_quarter_and_a_year():
    bars = walk(700)
    daily = [bar(i, b.close, open_=b.open, high=b.high, low=b.low, timeframe="1d") for i, b in enumerate(bars)]
    found, signal = technical_arrays(columns(daily), "1d")["momentum"], Technical("1d")
    for i, b in enumerate(daily):
        signal.update(b)
        if i >= 49:
            assert_close(signal.reading.parts["momentum"], found[i])
    assert found[-1] != technical_arrays(columns(bars))["momentum"][-1]
