"""Candles give the signals that bars give."""

import math

import pytest

from quant.reading import Component
from quant.remote.candle_signals import candle_readings
from quant.remote.question import read_question
from quant.signals.volatility import Volatility
from tests.unit.quant.remote.cast import bars, question, walk


def readings(candles):
    moment = candles[-1]["timestamp"] + 60_000
    return candle_readings(read_question(question(candles, timestamp=moment), now_ms=0).candles)


def volatility_of(candles):
    signal = Volatility("1m")
    for bar in bars(candles):
        signal.update(bar)
    return signal.reading


@pytest.mark.parametrize("n", [1, 20, 49, 50, 51, 60, 500, 1200])
@pytest.mark.parametrize("seed", [1, 2])
def test_volatility_is_that_of_the_bars(n, seed):
    candles = walk(n, seed=seed)
    ours, theirs = readings(candles)[Component.VOLATILITY], volatility_of(candles)
    assert (ours.value is None) == (theirs.value is None) == (n < 50)
    assert ours.quality == theirs.quality
    if theirs.value is not None:
        assert ours.value == pytest.approx(theirs.value, rel=1e-9)
        assert ours.as_of == theirs.as_of


@pytest.mark.parametrize("hole", [3, 4])
def test_volatility_begins_anew_after_the_holes_that_bars_begin_anew_after(hole):
    candles = walk(300)
    del candles[100 : 100 + hole]
    ours, theirs = readings(candles)[Component.VOLATILITY], volatility_of(candles)
    assert ours.n_obs == theirs.n_obs
    assert ours.value == pytest.approx(theirs.value, rel=1e-9)


def test_prices_that_stand_still_say_nothing():
    candles = [row | dict.fromkeys(("open", "high", "low", "close"), 100.0) for row in walk(100)]
    assert {name: reading.value for name, reading in readings(candles).items()} == {
        Component.SPEED: None,
        Component.VOLATILITY: None,
    }


def test_speed_turns_round_with_the_prices():
    candles = walk(200)
    mirrored = [
        row
        | {"open": 1e4 / row["open"], "close": 1e4 / row["close"], "high": 1e4 / row["low"], "low": 1e4 / row["high"]}
        for row in candles
    ]
    up, down = readings(candles)[Component.SPEED].value, readings(mirrored)[Component.SPEED].value
    assert up == pytest.approx(-down, rel=1e-9)
    assert 0 < abs(up) <= 1


def test_speed_does_not_depend_on_the_unit_of_prices():
    candles = walk(200)
    scaled = [row | {name: row[name] * 1e-6 for name in ("open", "high", "low", "close")} for row in candles]
    assert readings(scaled)[Component.SPEED].value == pytest.approx(readings(candles)[Component.SPEED].value, rel=1e-6)


def test_speed_is_positive_in_a_rise_and_louder_with_volume():
    calm = [
        row | {"open": p, "close": p * 1.001, "high": p * 1.002, "low": p * 0.999, "volume": 1.0}
        for i, row in enumerate(walk(100))
        for p in [100 * 1.001**i * (1 + 0.002 * math.sin(i))]
    ]
    loud = [*calm[:-5], *(row | {"volume": 100.0} for row in calm[-5:])]
    quiet_value, loud_value = (readings(candles)[Component.SPEED].value for candles in (calm, loud))
    assert loud_value == pytest.approx(2 * quiet_value)
    assert quiet_value > 0


def test_the_future_changes_nothing():
    candles = walk(300)
    moment = candles[199]["timestamp"] + 60_000
    whole = read_question(question(candles[:201], timestamp=moment), now_ms=0)
    cut = read_question(question(candles[:200], timestamp=moment), now_ms=0)
    assert candle_readings(whole.candles) == candle_readings(cut.candles)
