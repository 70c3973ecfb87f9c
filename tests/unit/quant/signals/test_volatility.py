import math
from itertools import pairwise

import numpy as np
import pytest
from msgspec import structs

from quant.features.ranges import yang_zhang
from quant.signals.volatility import Volatility
from tests.unit.quant.features.arrays import learned
from tests.unit.quant.features.test_ew import explicit
from tests.unit.quant.market import START, bar, recorded_bars, walk
from tests.unit.quant.slow_market import MINUTE, derivatives, implied


def after(bars):
    volatility = Volatility("1m")
    for b in bars:
        volatility.update(b)
    return volatility


def test_rising_volatility_asks_for_less():
    calm = walk(300, step=0.02)
    wild = walk(30, step=0.2, first=300, price=calm[-1].close)
    volatility = after(calm + wild)
    assert volatility.reading.value < -0.5
    assert volatility.size_multiplier < 0.6
    assert volatility.percentile > 0.9


def test_falling_volatility_asks_for_more():
    wild = walk(300, step=0.2)
    calm = walk(60, step=0.02, first=300, price=wild[-1].close)
    volatility = after(wild + calm)
    assert volatility.reading.value > 0.5
    assert volatility.size_multiplier == 2.0


def test_volatility_is_annualised_over_every_day_of_the_year():
    volatility = after(walk(100))
    assert volatility.sigma_annual == pytest.approx(volatility.sigma_bar * math.sqrt(365 * 86_400 / 60))
    assert volatility.sigma_per_sqrt_s == pytest.approx(volatility.sigma_bar / math.sqrt(60))


def test_volatility_does_not_know_the_direction():
    bars = walk(200)
    inverted = [
        structs.replace(b, open=1e4 / b.open, high=1e4 / b.low, low=1e4 / b.high, close=1e4 / b.close) for b in bars
    ]
    assert after(inverted).reading.value == pytest.approx(after(bars).reading.value, rel=1e-6)


def test_the_unit_of_price_does_not_matter():
    bars = walk(200)
    tiny = [
        structs.replace(b, open=b.open * 1e-9, high=b.high * 1e-9, low=b.low * 1e-9, close=b.close * 1e-9) for b in bars
    ]
    assert after(tiny).reading.value == pytest.approx(after(bars).reading.value, rel=1e-6)
    assert after(tiny).atr_pct == pytest.approx(after(bars).atr_pct, rel=1e-9)


def test_ewma_of_squared_returns():
    bars = walk(60)
    expected = math.log(bars[1].close / bars[0].close) ** 2
    for before, b in pairwise(bars[1:]):
        expected = 0.94 * expected + 0.06 * math.log(b.close / before.close) ** 2
    assert after(bars).reading.parts["ewma"] == pytest.approx(math.sqrt(expected), rel=1e-12)


def test_too_few_bars_are_counted_out():
    assert after(walk(12)).reading.reason == "Insufficient live data: 12 of 50 bars"
    assert after(walk(49)).reading.reason == "Insufficient live data: 49 of 50 bars"
    assert after(walk(50)).reading.quality == 0.5


def test_prices_that_stand_still_have_no_volatility():
    volatility = after([bar(i, 100.0) for i in range(100)])
    assert volatility.reading.reason == "prices stand still"
    assert volatility.sigma_annual is None
    assert volatility.size_multiplier is None


def test_four_missing_bars_begin_anew():
    bars = walk(100)
    assert after([*bars, bar(104, 100.0)]).reading.reason == "Insufficient live data: 1 of 50 bars"
    assert after([*bars, bar(103, 100.0)]).reading.n_obs == 101


def test_the_future_changes_nothing():
    bars = walk(300)
    volatility, seen = Volatility("1m"), []
    for b in bars:
        volatility.update(b)
        seen.append(volatility.reading)
    assert after(bars[:200]).reading == seen[199]


def test_a_percentile_needs_something_to_compare_with():
    assert after(walk(69)).percentile is None
    assert 0 < after(walk(70)).percentile < 1


@pytest.mark.parametrize("bars", [walk(700), recorded_bars(900)], ids=["walk", "recorded"])
def test_the_tilt_equals_its_definition_over_arrays(bars):
    columns = [np.array([getattr(b, name) for b in bars]) for name in ("open", "high", "low", "close")]
    short = np.full(len(bars), np.nan)
    for i in range(20, len(bars)):
        short[i] = yang_zhang(*(column[i - 20 : i + 1] for column in columns))
    assert (short[20:] > 0).all()
    variance, tilt = short[20] ** 2, np.full(len(bars), np.nan)
    ratios: list[float] = []
    for i in range(20, len(bars)):
        variance += 2 / 201 * (short[i] ** 2 - variance)
        ratio = math.log(short[i] / math.sqrt(variance))
        if len(ratios) >= 10:
            mean, deviation = explicit(np.array(ratios), 1 - 2 / 501)
            tilt[i] = np.clip((ratio - mean) / deviation, -4, 4)
        ratios.append(ratio)
    expected = -learned(tilt)
    volatility = Volatility("1m")
    for i, b in enumerate(bars):
        volatility.update(b)
        if i >= 50:
            assert volatility.reading.value == pytest.approx(expected[i], rel=1e-9, abs=1e-10)


def test_the_variance_premium_is_shown_and_moves_nothing():
    bars = walk(300)
    plain, told = after(bars[:-1]), after(bars[:-1])
    for event in derivatives(9, every=20 * MINUTE):
        told.observe(event)
    told.observe(implied(START, 0.8))
    told.observe(implied(START + 1, math.nan))
    told.observe(implied(START + 1, 55.0))
    plain.update(bars[-1])
    told.update(bars[-1])
    parts = told.reading.parts
    assert told.reading.value == plain.reading.value
    assert parts["implied"] == 0.8
    assert parts["variance_premium"] == told.premium.value is not None
    assert plain.reading.parts["variance_premium"] is None
