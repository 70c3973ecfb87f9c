import dataclasses
from typing import Any

import numpy as np
import pytest

from quant.blend import DEFAULT_WEIGHTS, blend, weight_row
from quant.reading import BUILT_IN, Component
from quant.symbol_signals import SymbolSignals
from tests.unit.quant.market import IDS, START


def vector(symbol: str = "BTC/USDT:USDT", *, timeframes=("1m",), **known):
    """A vector with component=(value, quality); technical is that of closed bars of every timeframe."""
    empty = SymbolSignals(exchange=IDS["exchange"], symbol=symbol, timeframes=timeframes).read(now_ns=START)
    values, quality = empty.values.copy(), empty.quality.copy()
    for i, column in enumerate(empty.columns):
        if column.component in known and not column.forming:
            values[i], quality[i] = known[column.component]
    return dataclasses.replace(empty, values=values, quality=quality)


ALL: dict[str, Any] = {component.value: (0.5, 1.0) for component in BUILT_IN}


def rows(signals, n: int = 1, **changed):
    row = weight_row(signals.columns, **{"timeframe_weights": {"1m": 1.0}, "forming": False, **changed})
    return np.tile(row, (n, 1))


def by_component(signals, row) -> dict[Component, float]:
    sums = dict.fromkeys(Component, 0.0)
    for column, weight in zip(signals.columns, row.tolist(), strict=True):
        sums[column.component] += weight
    return sums


def test_equal_sides_leave_40_to_60():
    signals = vector()
    assert by_component(signals, rows(signals)[0]) == pytest.approx(dict(DEFAULT_WEIGHTS))


def test_sides_are_relative_multipliers():
    signals = vector()
    row = rows(signals, traditional_weight=1.0, quant_weight=0.5)[0]
    assert by_component(signals, row)[Component.TECHNICAL] == pytest.approx(0.8 / 1.4)


@pytest.mark.parametrize(("balance", "technical"), [(0.0, 0.0), (0.5, 0.4), (1.0, 1.0)])
def test_a_bots_balance_overrides_the_sides(balance, technical):
    signals = vector()
    row = rows(signals, strategy_weight_balance=balance, traditional_weight=9.0, quant_weight=0.1)[0]
    assert by_component(signals, row)[Component.TECHNICAL] == pytest.approx(technical)


def test_timeframes_divide_the_technical_share():
    signals = vector(timeframes=("1m", "5m"))
    row = rows(signals, timeframe_weights={"1m": 3.0, "5m": 1.0}, forming=True)[0]
    assert row[:4].tolist() == pytest.approx([0.0, 0.3, 0.0, 0.1])
    assert row.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"timeframe_weights": {"4h": 1.0}}, "no bars of 4h are followed"),
        ({"timeframe_weights": {"1m": -1.0}}, "not negative"),
        ({"quant_weight": float("nan")}, "must be finite"),
        ({"strategy_weight_balance": 1.5}, "must be from 0 to 1"),
        ({"component_weights": {}}, "all weights are zero"),
    ],
)
def test_senseless_weights_are_refused(changed, message):
    signals = vector()
    with pytest.raises(ValueError, match=message):
        rows(signals, **changed)


def test_owner_weights_diversify_by_2_085():
    signals = vector(**ALL)
    blended = blend(rows(signals), signals)
    assert blended.multiplier[0] == pytest.approx(2.0851, abs=5e-5)
    assert blended.signal[0] == pytest.approx(0.5)
    assert blended.coverage[0] == pytest.approx(1.0)
    assert blended.forecast[0] == 20.0
    assert blended.confidence[0] == pytest.approx(1.0)


@pytest.mark.parametrize(("correlation", "multiplier"), [(0.0, 2.0851), (0.25, 1.5385), (0.5, 1.2752)])
def test_correlated_signals_diversify_less(correlation, multiplier):
    signals = vector(**ALL)
    rho = np.full((10, 10), correlation)
    np.fill_diagonal(rho, 1.0)
    blended = blend(rows(signals), signals, correlation=rho)
    assert blended.multiplier[0] == pytest.approx(multiplier, abs=5e-5)


def test_timeframes_of_one_component_do_not_diversify():
    signals = vector(timeframes=("1m", "5m"), technical=(0.5, 1.0))
    blended = blend(rows(signals, timeframe_weights={"1m": 1.0, "5m": 1.0}), signals)
    assert blended.multiplier[0] == pytest.approx(1.0)


def test_the_multiplier_is_a_switch_of_each_bot():
    known: dict[str, Any] = dict.fromkeys(ALL, (0.1, 1.0))
    signals = vector(**known)
    blended = blend(rows(signals, 2), signals, use_multiplier=np.array([True, False]))
    assert blended.confidence == pytest.approx([0.20851, 0.1], abs=5e-6)
    assert blended.signal == pytest.approx([0.1, 0.1])
    assert blended.multiplier[1] == pytest.approx(2.0851, abs=5e-5)


def test_missing_weights_are_shared_out_and_lower_the_coverage():
    signals = vector(technical=(0.6, 1.0), speed=(-0.2, 0.5))
    blended = blend(rows(signals), signals)
    assert blended.signal[0] == pytest.approx((0.4 * 0.6 - 0.075 * 0.2) / 0.475)
    assert blended.coverage[0] == pytest.approx(0.475)
    effective = blended.effective_weights_of(0)
    assert effective.tolist() == pytest.approx([0.4 / 0.475, 0, 0.075 / 0.475, 0, 0, 0, 0, 0, 0, 0])


def test_what_does_not_exist_does_not_lower_the_coverage():
    known: dict[str, Any] = {
        c.value: (0.5, 1.0) for c in BUILT_IN if c not in (Component.OPEN_INTEREST, Component.OPTIONS_FLOW)
    }
    doge = vector("DOGE/USDT", **known)
    assert blend(rows(doge), doge).coverage[0] == pytest.approx(1.0)


def test_nothing_known_is_not_zero():
    signals = vector()
    blended = blend(rows(signals, 3), signals)
    assert np.isnan(blended.signal).all()
    for array in (blended.coverage, blended.forecast, blended.confidence):
        assert (array == 0).all()
    assert (blended.effective_weights_of(1) == 0).all()


def test_opposite_signals_give_the_opposite_blend():
    signals = vector(technical=(0.6, 1.0), speed=(-0.2, 0.5), volatility=(0.9, 0.7))
    opposite = dataclasses.replace(signals, values=-signals.values)
    ours, theirs = blend(rows(signals), signals), blend(rows(signals), opposite)
    assert theirs.forecast[0] == -ours.forecast[0]
    assert theirs.confidence[0] == ours.confidence[0]


@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("bots", [1, 2, 3, 5, 8, 17, 64, 999])
def test_a_bots_blend_does_not_depend_on_the_other_bots(order, bots, correlated):
    rng = np.random.default_rng(1)
    known: dict[str, Any] = {name: (float(rng.uniform(-1, 1)), float(rng.uniform(0.1, 1))) for name in ALL}
    signals = vector(timeframes=("1m", "5m", "1h"), **known)
    weights = np.array(rng.uniform(0, 1, (1000, len(signals.columns))), order=order)
    rho = np.full((len(signals.columns),) * 2, 0.3) if correlated else None
    together, some = (
        blend(chosen, signals, correlation=rho) for chosen in (weights, weights[1000 - bots :].copy(order=order))
    )
    for name in ("signal", "coverage", "multiplier", "forecast", "confidence"):
        assert getattr(some, name).tobytes() == getattr(together, name)[1000 - bots :].tobytes()


def test_a_bot_without_a_voice_does_not_move_the_others():
    signals = vector(technical=(0.6, 1.0), speed=(-0.2, 0.5))
    silent = np.array([1.0 if c.component is Component.SENTIMENT else 0.0 for c in signals.columns])
    both = blend(np.stack([rows(signals)[0], silent]), signals)
    alone = blend(rows(signals), signals)
    assert both.forecast.tolist() == [alone.forecast[0], 0.0]
    assert both.coverage.tolist() == [alone.coverage[0], 0.0]
    assert np.isnan(both.signal).tolist() == [False, True]
    assert both.multiplier.tolist() == [alone.multiplier[0], 1.0]


def test_no_bots_are_blended_too():
    signals = vector(**ALL)
    assert blend(rows(signals)[:0], signals).forecast.shape == (0,)


def test_weights_of_another_shape_are_refused():
    signals = vector()
    with pytest.raises(ValueError, match=r"must be \(bots, 10\)"):
        blend(np.ones((2, 7)), signals)
