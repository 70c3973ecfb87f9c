"""Features of bars: event by event they equal their array forms, on walks and on recorded minutes."""

from typing import Any

import numpy as np
import pytest
import talib
from msgspec import structs

from quant.features.liquidity import LiquiditySweep
from quant.features.momentum import Momentum
from quant.features.structure import BreakOfStructure, FairValueGap, SmartMoney
from quant.features.swings import Swings
from quant.features.volume import NO_VOLUME, PART_WEIGHTS, Volume
from quant.features.vwap import SessionVwap
from quant.reading import Phase, weighted_mean
from tests.unit.quant.features import arrays
from tests.unit.quant.market import bar, recorded_bars, walk


def with_takers(bars, seed=3):
    shares = np.random.default_rng(seed).uniform(0, 1, len(bars)).tolist()
    return [structs.replace(b, taker_buy_volume=b.volume * s) for b, s in zip(bars, shares, strict=True)]


SCENES = {"walk": lambda: with_takers(walk(900)), "recorded": lambda: with_takers(recorded_bars(1200))}


@pytest.fixture(params=SCENES, scope="module")
def bars(request):
    return SCENES[request.param]()


def columns(bars, *names):
    return [np.array([getattr(b, name) for b in bars]) for name in names]


def same(streamed, expected, tolerance=1e-12):
    streamed = np.array([np.nan if x is None else x for x in streamed])
    assert (np.isnan(streamed) == np.isnan(expected)).all()
    known = ~np.isnan(expected)
    assert known.sum() > 300
    np.testing.assert_allclose(streamed[known], expected[known], rtol=tolerance, atol=tolerance)


def atrs(bars):
    high, low, close = columns(bars, "high", "low", "close")
    atr = talib.ATR(high, low, close, timeperiod=14)
    return [None if np.isnan(x) else x for x in atr.tolist()]


def test_momentum_equals_arrays(bars):
    momentum = Momentum()
    values = []
    for b in bars:
        peeked = momentum.peek(b.close)
        values.append(momentum.update(b.close))
        assert peeked == values[-1]
    same(values, arrays.momentum(columns(bars, "close")[0]), 1e-10)


def test_vwap_distance_equals_arrays(bars):
    vwap = SessionVwap()
    values = []
    for b in bars:
        values.append(vwap.update(b.ts_open, b.high, b.low, b.close, b.volume))
    same(values, arrays.vwap_distance(*columns(bars, "ts_open", "high", "low", "close", "volume")), 1e-9)


def fed(bars, phase=Phase.NEUTRAL):
    volume = Volume()
    results = []
    for b in bars:
        fields = (b.ts_open, b.high, b.low, b.close, b.volume, b.taker_buy_volume, phase)
        peeked = volume.peek(*fields)
        results.append(volume.update(*fields))
        # One bar short of its look-back a peek does not yet know.
        if len(results) > 20:
            assert peeked.flow == results[-1].flow
    return results


def test_flow_and_cmf_equal_arrays(bars):
    volume, taker = columns(bars, "volume", "taker_buy_volume")
    results = fed(bars)
    flow = arrays.ew_ratio(2 * taker - volume, volume)
    quiet = np.array([volume[max(0, i - 19) : i + 1].max() == 0 for i in range(len(bars))])
    flow[:19] = np.nan
    same([r.flow for r in results], np.where(quiet, np.nan, flow), 1e-11)
    high, low, close = columns(bars, "high", "low", "close")
    cmf = talib.CMF(high, low, close, volume, timeperiod=20)
    flat = np.array([all(b.high == b.low for b in bars[max(0, i - 19) : i + 1]) for i in range(len(bars))])
    same([r.cmf for r in results], np.where(quiet | flat, np.nan, cmf))


def test_without_takers_on_balance_volume_stands_in(bars):
    untold = [structs.replace(b, taker_buy_volume=None) for b in bars]
    close, volume = columns(bars, "close", "volume")
    balance = np.concatenate(([0.0], np.sign(np.diff(close)) * volume[1:]))
    # Its change is that of TA-Lib's on-balance volume.
    np.testing.assert_allclose(np.diff(talib.OBV(close, volume)), balance[1:], atol=1e-6)
    expected = arrays.ew_ratio(balance, volume)
    expected[:19] = np.nan
    moves = np.concatenate(([0.0], np.abs(np.diff(close))))
    for i in range(len(bars)):
        window = slice(max(0, i - 19), i + 1)
        if volume[window].max() == 0 or moves[window].max() == 0:
            expected[i] = np.nan
    same([r.flow for r in fed(untold)], expected, 1e-11)


def test_the_phase_decides_what_the_distance_means(bars):
    by_phase = {phase: fed(bars, phase) for phase in Phase}
    normed = arrays.learned(arrays.vwap_distance(*columns(bars, "ts_open", "high", "low", "close", "volume")))
    rules = {Phase.NEUTRAL: None, Phase.RANGE: -normed, Phase.TREND: 0.5 * normed}
    for phase, rule in rules.items():
        for i, result in enumerate(by_phase[phase]):
            if result is NO_VOLUME or result.score is None:
                continue
            vwap = None if rule is None or np.isnan(rule[i]) else float(rule[i])
            expected = weighted_mean({"flow": result.flow, "cmf": result.cmf, "vwap": vwap}, PART_WEIGHTS)
            assert result.score == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_liquidity_equals_arrays(bars):
    sweep = LiquiditySweep()
    values = []
    for b, atr in zip(bars, atrs(bars), strict=True):
        peeked = sweep.peek(b.high, b.low, b.close, atr)
        values.append(sweep.update(b.high, b.low, b.close, atr))
        assert peeked == values[-1]
    expected = arrays.liquidity(*columns(bars, "high", "low", "close"))
    same(values, expected, 1e-9)
    assert np.nanmin(expected) < -0.3 < 0.3 < np.nanmax(expected)


def test_structure_equals_arrays(bars):
    broken, gap = BreakOfStructure(), FairValueGap()
    values = []
    for b, atr in zip(bars, atrs(bars), strict=True):
        peeked = broken.peek(b.close, atr), gap.peek(b.close, atr)
        values.append((broken.update(b.high, b.low, b.close, atr), gap.update(b.high, b.low, b.close, atr)))
        assert peeked == values[-1]
    expected = arrays.structure(*columns(bars, "high", "low", "close"))
    same([v[0] for v in values], expected[0], 1e-9)
    same([v[1] for v in values], expected[1])
    assert np.nanmin(expected[0]) < -0.3 < 0.3 < np.nanmax(expected[0])
    assert {-0.5, 0.0, 0.5} <= set(expected[1][np.isfinite(expected[1])].tolist())


def test_a_swing_is_known_five_bars_later_and_not_before(bars):
    swings = Swings()
    tops, bottoms = arrays.swings(*columns(bars, "high", "low"))
    for t, b in enumerate(bars):
        high, low = swings.update(b.high, b.low)
        window = bars[max(0, t - 10) : t + 1]
        moved = max(x.high for x in window) > min(x.low for x in window)
        assert (high is not None) == (moved and t - 5 in tops)
        assert (low is not None) == (moved and t - 5 in bottoms)


def sweeping(high, close):
    """Twenty quiet bars around a peak of 103, their only swing high, then one of the given high and close."""
    bars = []
    for i in range(20):
        away = 0.01 * abs(i - 8)
        bars.append(bar(i, 100.0, open_=100.0, high=103.0 if i == 8 else 101.0 - away, low=99.0 + away))
    return [*bars, bar(20, close, open_=100.0, high=high, low=99.5)]


def last_of(feature, bars):
    value = None
    for b, atr in zip(bars, atrs(bars), strict=True):
        value = feature.update(b.high, b.low, b.close, atr)
    return value


def test_a_wick_through_a_swing_high_is_sold():
    bars = sweeping(104.0, 100.0)
    atr = atrs(bars)[-1]
    assert last_of(LiquiditySweep(), bars) == pytest.approx(-1.0 / atr)
    # A short wick, and a close beyond, are no sweeps.
    assert last_of(LiquiditySweep(), sweeping(103.1, 100.0)) == 0.0
    assert last_of(LiquiditySweep(), sweeping(104.0, 103.5)) == 0.0


def test_a_level_is_swept_once():
    bars = sweeping(104.0, 100.0)
    first = last_of(LiquiditySweep(), bars)
    again = last_of(LiquiditySweep(), [*bars, bar(21, 100.0, open_=100.0, high=104.0, low=99.5)])
    assert again == pytest.approx(first * 2 ** (-1 / 5))


def test_a_close_beyond_a_swing_breaks_structure_and_against_it_changes_character():
    bars = sweeping(104.0, 104.0)
    atr = atrs(bars)[-1]
    structure = BreakOfStructure()
    assert last_of(structure, bars) == pytest.approx(1.0 / atr)
    assert (structure.direction, structure.changed) == (1, 0.0)
    falling = [*bars, bar(21, 95.0, open_=104.0, high=104.0, low=95.0)]
    structure = BreakOfStructure()
    assert last_of(structure, falling) == pytest.approx(-4.0 / max(4.0, atrs(falling)[-1]))
    assert structure.direction == -1
    assert structure.changed < 0


def test_a_gap_counts_while_the_price_is_inside_until_a_close_beyond():
    quiet = [bar(i, 100.0, open_=100.0, high=101.0, low=99.0) for i in range(20)]
    leap = [
        bar(20, 104.0, open_=100.0, high=104.0, low=100.0),
        bar(21, 106.0, open_=104.0, high=107.0, low=104.0),
    ]
    retest = bar(22, 102.0, open_=106.0, high=106.0, low=102.0)
    beyond = bar(23, 100.5, open_=102.0, high=104.0, low=100.0)
    back = bar(24, 102.0, open_=100.5, high=102.0, low=100.5)
    assert last_of(FairValueGap(), [*quiet, *leap]) == 0.0
    assert last_of(FairValueGap(), [*quiet, *leap, retest]) == 0.5
    assert last_of(FairValueGap(), [*quiet, *leap, retest, beyond, back]) == 0.0


def test_reflected_bars_turn_every_feature_round(bars):
    middle = bars[0].close
    mirrored = [
        structs.replace(
            b,
            open=2 * middle - b.open,
            high=2 * middle - b.low,
            low=2 * middle - b.high,
            close=2 * middle - b.close,
            taker_buy_volume=b.volume - b.taker_buy_volume,
        )
        for b in bars[:400]
    ]
    for make in (LiquiditySweep, SmartMoney):
        there: Any = make()
        back: Any = make()
        for b, m, atr in zip(bars, mirrored, atrs(bars[:400]), strict=False):
            one = there.update(b.high, b.low, b.close, atr)
            other = back.update(m.high, m.low, m.close, atr)
            one, other = getattr(one, "score", one), getattr(other, "score", other)
            assert (one is None) == (other is None)
            assert one is None or other == pytest.approx(-one, abs=1e-6)
    for one, other in zip(fed(bars[:400]), fed(mirrored), strict=True):
        assert (one.score is None) == (other.score is None)
        assert one.score is None or other.score == pytest.approx(-one.score, abs=1e-9)


def test_nothing_traded_says_nothing():
    idle = [structs.replace(b, volume=0.0, taker_buy_volume=0.0) for b in walk(60)]
    assert set(fed(idle)) == {NO_VOLUME}


def test_taker_volume_beyond_the_volume_is_not_believed():
    lying = [structs.replace(b, taker_buy_volume=b.volume * 7) for b in walk(60)]
    honest = [structs.replace(b, taker_buy_volume=None) for b in walk(60)]
    assert fed(lying) == fed(honest)
