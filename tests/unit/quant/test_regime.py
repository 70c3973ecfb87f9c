import math

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from quant.blend import DEFAULT_WEIGHTS
from quant.features.ranges import yang_zhang
from quant.reading import Component, Phase
from quant.regime import UNKNOWN, RegimeState, VolatilityState, adapted_weights, combine, stop_multiplier
from quant.regime_detector import MIN_DWELL_BARS, RegimeDetector, next_phase, volatility_state
from tests.unit.quant.market import BAR_RECORDINGS, bar, bars_of, recorded_bars, walk

T, R, N = Phase.TREND, Phase.RANGE, Phase.NEUTRAL


def states(bars, timeframe="1m"):
    detector = RegimeDetector(timeframe)
    found = []
    for b in bars:
        detector.update(b)
        found.append(detector.state)
    return found


def runs(found):
    """Lengths of the phases, and of the last, which may not be over."""
    lengths, last = [], None
    for state in found:
        if state.phase is last:
            lengths[-1] += 1
        else:
            lengths.append(1)
        last = state.phase
    return lengths


def rank(xs, i):
    """Of the last 500 values there are, the share below, ties half."""
    window = np.round(xs[: i + 1][np.isfinite(xs[: i + 1])][-500:], 12)
    x = round(xs[i], 12)
    return ((window < x).sum() + (window <= x).sum()) / (2 * len(window))


@pytest.mark.parametrize("name", BAR_RECORDINGS)
def test_streaming_equals_the_definition_over_arrays(name):
    bars = bars_of(name, 900)
    high, low, close, open_ = (np.array([getattr(b, n) for b in bars]) for n in ("high", "low", "close", "open"))
    efficiency, wild = np.full(len(bars), math.nan), np.full(len(bars), math.nan)
    for i in range(20, len(bars)):
        way = np.abs(np.diff(close[i - 20 : i + 1])).sum()
        efficiency[i] = abs(close[i] - close[i - 20]) / way if way > 0 else math.nan
        part = slice(i - 20, i + 1)
        wild[i] = yang_zhang(open_[part], high[part], low[part], close[part])
    strength = talib.ADX(high, low, close, timeperiod=14)
    slope = talib.EMA(close, timeperiod=16) - talib.EMA(close, timeperiod=64)
    phase, dwelt = None, 0
    for i, state in enumerate(states(bars)):
        if i < 99:
            assert (state.phase, state.score, state.quality, state.since_ns) == (N, None, 0.0, 0)
            continue
        score = (rank(efficiency, i) + rank(strength, i)) / 2
        assert state.score == pytest.approx(score, abs=0.005)
        assert state.direction == np.sign(slope[i])
        dwelt += 1
        wanted = next_phase(phase or N, state.score)
        if phase is None or (wanted is not phase and dwelt >= MIN_DWELL_BARS):
            phase, dwelt, since = wanted, 0, bars[i].ts_close
        assert (state.phase, state.since_ns, state.n_obs) == (phase, since, i + 1)
        assert state.volatility is volatility_state(rank(wild, i))


@pytest.mark.parametrize(
    ("before", "score", "after"),
    [
        (N, 0.66, T), (N, 0.65, N), (T, 0.5, T), (T, 0.49, N), (T, 0.34, R),
        (N, 0.34, R), (N, 0.35, N), (R, 0.5, R), (R, 0.51, N), (R, 0.66, T),
        (T, None, N), (R, None, N),
    ],
)  # fmt: skip
def test_a_phase_begins_late_and_ends_late(before, score, after):
    assert next_phase(before, score) is after


@pytest.mark.parametrize(
    ("percentile", "state"),
    [(0.24, "low"), (0.25, "normal"), (0.75, "normal"), (0.76, "high"), (0.95, "high"), (0.96, "extreme")],
)
def test_volatility_has_four_states(percentile, state):
    assert volatility_state(percentile) is VolatilityState(state)
    assert volatility_state(None) is VolatilityState.NORMAL


def test_phases_last_five_bars_and_there_are_several_kinds():
    found = states(recorded_bars(3000))[99:]
    assert min(runs(found)[:-1]) >= MIN_DWELL_BARS
    assert {state.phase for state in found} == {T, R, N}
    assert {state.volatility for state in found} == set(VolatilityState)
    assert {state.direction for state in found} == {1.0, -1.0}


def test_noise_that_begins_to_trend_becomes_a_trend_with_its_direction():
    noise = [bar(i, 100.0 + (0.3 if i % 2 else -0.3)) for i in range(250)]
    rise = [bar(250 + i, 100.5 + 0.5 * i, open_=100.0 + 0.5 * i) for i in range(60)]
    fall = [bar(250 + i, 99.5 - 0.5 * i, open_=100.0 - 0.5 * i) for i in range(60)]
    for after, direction in ((rise, 1.0), (fall, -1.0)):
        last = states([*noise, *after])[-1]
        assert (last.phase, last.direction) == (T, direction)
        assert last.score is not None
        assert last.score > 0.9


def test_a_market_that_turns_wild_is_extreme_and_calms_down_again():
    bars = [*walk(300), *walk(40, step=1.0, first=300), *walk(480, step=0.1, first=340)]
    found = states(bars)
    assert found[330].volatility is VolatilityState.EXTREME
    assert found[-1].volatility is not VolatilityState.EXTREME


def test_a_trend_that_dies_becomes_a_range():
    rise = [bar(i, 100.0 + 0.5 * i + 0.05 * math.sin(i)) for i in range(300)]
    noise = [bar(300 + i, 250.0 + (0.3 if i % 2 else -0.3)) for i in range(60)]
    assert states([*rise, *noise])[-1].phase is R


def test_quality_is_shown_from_a_hundred_bars_on():
    found = states(walk(520))
    assert [found[i].quality for i in (0, 98)] == [0.0, 0.0]
    assert found[99].quality == pytest.approx(0.5 + 0.5 * 50 / 450)
    assert found[499].quality == found[519].quality == 1.0


@pytest.mark.parametrize("cut", [130, 211, 480])
def test_what_comes_later_changes_nothing(cut):
    bars = recorded_bars(520)
    assert states(bars[:cut]) == states(bars)[:cut]


def test_reflected_prices_turn_the_direction_only():
    for seed in range(4):
        bars = walk(400, seed=seed, drift=0.02 * (seed % 2))
        turned = [
            structs.replace(b, open=200 - b.open, high=200 - b.low, low=200 - b.high, close=200 - b.close) for b in bars
        ]
        for one, other in zip(states(bars), states(turned), strict=True):
            assert (one.phase, one.since_ns, one.direction) == (other.phase, other.since_ns, -other.direction)
            assert one.score == (None if other.score is None else pytest.approx(other.score, abs=0.005))


def test_units_of_price_do_not_matter():
    bars = walk(300)
    far = [
        structs.replace(b, open=b.open / 4**9, high=b.high / 4**9, low=b.low / 4**9, close=b.close / 4**9) for b in bars
    ]
    assert states(bars) == states(far)


def test_a_price_that_stands_still_is_no_phase():
    last = states([bar(i, 100.0) for i in range(150)])[-1]
    assert (last.phase, last.direction, last.score, last.volatility) == (N, 0.0, None, VolatilityState.NORMAL)


def test_bars_that_cannot_be_believed_change_nothing():
    bars = walk(150)
    clean = states(bars)
    detector = RegimeDetector("1m")
    for b in bars:
        detector.update(b)
        detector.update(b)
        detector.update(structs.replace(b, ts_open=b.ts_open - 7 * 60_000_000_000))
        detector.update(structs.replace(b, ts_open=b.ts_open + 60_000_000_000, high=b.low, low=b.high + 1.0))
        detector.update(structs.replace(b, ts_open=b.ts_open + 60_000_000_000, close=math.nan))
        detector.update(structs.replace(b, ts_open=b.ts_open + 60_000_000_000, closed=False))
        detector.update(structs.replace(b, ts_open=b.ts_open + 300_000_000_000, timeframe="5m"))
    assert detector.state == clean[-1]


def test_a_gap_of_more_than_three_bars_begins_anew():
    first, later = walk(150), walk(150, first=153)
    assert states([*first, *later])[-1].n_obs == 300
    assert states([*first, *walk(150, first=154)])[-1].n_obs == 150
    assert states([*first, *walk(20, first=154)])[-1].phase is N


numbers = st.one_of(st.floats(90, 110), st.floats(1e-30, 1e30), st.floats())


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(numbers, numbers, numbers, numbers, st.integers(-2, 6)), max_size=40), st.integers(0, 50))
def test_whatever_arrives_the_state_stays_in_range(rows, seed):
    detector = RegimeDetector("1m")
    for b in walk(100, seed=seed):
        detector.update(b)
    at = 100
    for open_, high, low, close, step in rows:
        at += step
        detector.update(bar(at, close, open_=open_, high=high, low=low))
        state = detector.state
        assert state.score is None or 0.0 <= state.score <= 1.0
        assert 0.0 <= state.quality <= 1.0
        assert state.direction in (-1.0, 0.0, 1.0)
        assert 0.75 <= stop_multiplier(state) <= 1.65


def state(phase=T, direction=1.0, volatility=VolatilityState.NORMAL, quality=1.0, **changed) -> RegimeState:
    given_ = {"n_obs": 500, "score": 0.7, "since_ns": 5}
    return RegimeState(
        phase=phase, direction=direction, volatility=volatility, quality=quality, **{**given_, **changed}
    )


def test_timeframes_vote_by_weight_and_quality():
    found = combine(
        {
            "1m": state(R, -1.0, VolatilityState.EXTREME, score=0.2, since_ns=9),
            "15m": state(T, 1.0, VolatilityState.LOW, score=0.8, since_ns=3),
            "1h": state(T, 1.0, VolatilityState.NORMAL, quality=0.6, n_obs=140, score=0.7, since_ns=4),
        },
        {"1m": 1.0, "15m": 1.0, "1h": 1.0},
    )
    assert (found.phase, found.direction, found.volatility) == (T, 1.0, VolatilityState.NORMAL)
    assert found.quality == pytest.approx(2.6 / 3)
    assert found.score == pytest.approx((0.2 + 0.8 + 0.6 * 0.7) / 2.6)
    assert (found.since_ns, found.n_obs) == (4, 140)


def test_two_timeframes_that_disagree_are_neither_and_as_wild_as_the_wilder():
    found = combine({"1m": state(R, -1.0, VolatilityState.HIGH), "5m": state(T, 1.0, VolatilityState.LOW)})
    assert (found.phase, found.direction, found.volatility) == (N, 0.0, VolatilityState.HIGH)


def test_a_timeframe_without_weight_or_bars_is_not_heard():
    new = state(quality=0.0, n_obs=40, phase=N)
    assert combine({"1m": state(R), "5m": state(T)}, {"5m": 1.0}).phase is T
    half = combine({"1m": state(R), "5m": new})
    assert (half.phase, half.quality, half.n_obs) == (R, 0.5, 40)
    assert combine({"5m": new}) == structs.replace(UNKNOWN, n_obs=40)


@pytest.mark.parametrize(
    ("frames", "weights"),
    [
        ((), None),
        (("1m", "3m", "5m", "15m"), None),
        (("1m",), {"1m": 0.0}),
        (("1m",), {"5m": 1.0}),
        (("1m", "5m"), {"1m": 1.0, "5m": -1.0}),
        (("1m",), {"1m": math.nan}),
    ],
)
def test_timeframes_and_weights_that_make_no_sense_are_refused(frames, weights):
    with pytest.raises(ValueError, match=r"timeframes|weights"):
        combine({frame: state() for frame in frames}, weights)


def test_one_timeframe_alone_is_itself():
    for s in (state(), state(R, -1.0, VolatilityState.EXTREME, quality=0.7)):
        assert combine({"1m": s}) == s


def test_a_trend_moves_weight_to_technical_and_a_range_from_it():
    def share(adapted, component):
        return adapted[component] / sum(adapted.values())

    plain = dict(DEFAULT_WEIGHTS)
    trend, ranging = adapted_weights(plain, state(T)), adapted_weights(plain, state(R))
    assert share(ranging, Component.TECHNICAL) < plain[Component.TECHNICAL] < share(trend, Component.TECHNICAL)
    assert share(trend, Component.SENTIMENT) < plain[Component.SENTIMENT] < share(ranging, Component.SENTIMENT)
    wild = adapted_weights(plain, state(N, volatility=VolatilityState.EXTREME))
    assert share(wild, Component.VOLATILITY) > plain[Component.VOLATILITY]
    assert share(wild, Component.SPEED) < plain[Component.SPEED]


def test_an_unknown_regime_changes_nothing_and_a_half_known_one_half():
    plain = dict(DEFAULT_WEIGHTS)
    assert adapted_weights(plain, UNKNOWN) == plain
    assert stop_multiplier(UNKNOWN) == 1.0
    wild = VolatilityState.EXTREME
    assert adapted_weights(plain, state(T, quality=0.5))[Component.TECHNICAL] == pytest.approx(0.44)
    assert stop_multiplier(state(T, volatility=wild)) == pytest.approx(1.65)
    assert stop_multiplier(state(T, volatility=wild, quality=0.5)) == pytest.approx(1.325)
    assert stop_multiplier(state(R, volatility=VolatilityState.LOW)) == pytest.approx(0.765)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("volatility", VolatilityState)
def test_long_and_short_are_treated_alike_and_what_is_off_stays_off(phase, volatility):
    up, down = state(phase, 1.0, volatility), state(phase, -1.0, volatility)
    plain = {**DEFAULT_WEIGHTS, Component.SPEED: 0.0}
    assert adapted_weights(plain, up) == adapted_weights(plain, down)
    assert adapted_weights(plain, up)[Component.SPEED] == adapted_weights(plain, up)[Component.MODEL] == 0.0
    assert all(weight >= 0.0 for weight in adapted_weights(plain, up).values())
    assert stop_multiplier(up) == stop_multiplier(down)
