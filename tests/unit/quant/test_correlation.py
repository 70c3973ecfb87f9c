import dataclasses
import math

import numpy as np
import pytest

from quant.blend import blend, weight_row
from quant.correlation import PRIOR_SAMPLES, CorrelationEstimator
from quant.symbol_signals import SymbolSignals
from tests.unit.quant.market import IDS, SECOND, START

MINUTE = 60 * SECOND


def empty(timeframes=("1m",)):
    return SymbolSignals(**IDS, timeframes=timeframes).read(now_ns=START)


EMPTY = empty()
PLACES = {column.name: i for i, column in enumerate(EMPTY.columns)}


def said(minute: float, *, base=EMPTY, **known: float):
    values = np.full(len(base.columns), math.nan)
    for i, column in enumerate(base.columns):
        values[i] = known.get(column.name.replace(" ", "_"), math.nan)
    quality = np.where(np.isnan(values), 0.0, 1.0)
    return dataclasses.replace(base, now_ns=START + int(minute * MINUTE), values=values, quality=quality)


def learned(rows: list[dict[str, float]], **changed) -> CorrelationEstimator:
    estimator = CorrelationEstimator(EMPTY.columns, **changed)
    for i, row in enumerate(rows):
        estimator.observe(said(i, **row))
    return estimator


def between(estimator, one, other):
    names = [column.name for column in estimator.columns]
    return estimator.matrix[names.index(one), names.index(other)]


def test_it_begins_as_the_identity_of_components():
    matrix = CorrelationEstimator(EMPTY.columns).matrix
    expected = [[float(a.component is b.component) for b in EMPTY.columns] for a in EMPTY.columns]
    assert matrix.tolist() == expected


def test_it_blends_as_without_one_at_first():
    row = weight_row(EMPTY.columns, timeframe_weights={"1m": 1.0}, forming=False)[None, :]
    vector = said(0, technical_1m=0.4, speed=0.2, volatility=-0.3)
    start = CorrelationEstimator(EMPTY.columns).matrix
    assert blend(row, vector, correlation=start).multiplier == pytest.approx(blend(row, vector).multiplier)


def test_it_equals_the_weighted_correlation_of_pandas_shape():
    rng = np.random.default_rng(3)
    common = rng.normal(0, 0.3, 900)
    speed, micro = (np.clip(common + rng.normal(0, 0.2, 900), -1, 1) for _ in range(2))
    found = learned([{"speed": a, "microstructure": b} for a, b in zip(speed, micro, strict=True)], tau_s=6000.0)
    weights = np.exp(-np.arange(899, -1, -1) * 60 / 6000.0)
    truth = np.cov(np.stack([speed, micro]), aweights=weights)
    expected = truth[0, 1] / math.sqrt(truth[0, 0] * truth[1, 1])
    seen = weights.sum() / (weights.sum() + PRIOR_SAMPLES)
    assert between(found, "speed", "microstructure") == pytest.approx(seen * expected, rel=1e-9)


def test_opposed_signals_count_as_independent():
    rows = [{"speed": math.sin(i), "sentiment": -math.sin(i)} for i in range(3000)]
    assert between(learned(rows), "speed", "sentiment") == 0.0


def test_the_same_signal_twice_is_one_in_the_end():
    rows = [{"speed": math.sin(i), "sentiment": math.sin(i)} for i in range(600)]
    assert between(learned(rows), "speed", "sentiment") == pytest.approx(600 / 1100, abs=0.02)


def test_only_moments_in_which_both_spoke_count():
    rows = [{"speed": math.sin(i), "sentiment": math.sin(i)} if i % 2 else {"speed": 0.9} for i in range(1200)]
    assert between(learned(rows), "speed", "sentiment") == pytest.approx(600 / 1100, abs=0.03)


def test_a_signal_that_stands_still_says_nothing_of_the_others():
    rows = [{"speed": math.sin(i), "sentiment": 0.3} for i in range(600)]
    assert between(learned(rows), "speed", "sentiment") == 0.0


def test_it_is_sampled_once_a_minute():
    estimator = CorrelationEstimator(EMPTY.columns)
    assert [estimator.observe(said(t, speed=0.1)) for t in (0.0, 0.5, 0.99, 1.0, 1.5, 2.1)] == [
        True, False, False, True, False, True,
    ]  # fmt: skip


def test_what_is_known_stays_when_columns_join():
    rows = [{"speed": math.sin(i), "sentiment": math.sin(i)} for i in range(600)]
    estimator = learned(rows)
    before = between(estimator, "speed", "sentiment")
    wider = empty(("1m", "5m"))
    assert not estimator.observe(said(599.5, base=wider, speed=0.2, sentiment=0.2))
    assert estimator.columns == wider.columns
    assert between(estimator, "speed", "sentiment") == before
    assert between(estimator, "technical 1m", "technical 5m") == 1.0


def test_it_is_always_a_correlation():
    rng = np.random.default_rng(5)
    estimator = CorrelationEstimator(EMPTY.columns)
    for i in range(200):
        row = {name.replace(" ", "_"): float(rng.uniform(-1, 1)) for name in PLACES if rng.random() < 0.6}
        estimator.observe(said(i * float(rng.uniform(1, 90)), **row))
        matrix = estimator.matrix
        assert (matrix == matrix.T).all()
        assert ((matrix >= 0) & (matrix <= 1)).all()
        assert (np.diag(matrix) == 1).all()


def test_stored_samples_are_learned_as_live_ones():
    rows = [{"speed": math.sin(i), "sentiment": math.cos(i)} for i in range(90)]
    live, stored = learned(rows), CorrelationEstimator(EMPTY.columns)
    for i, row in enumerate(rows):
        vector = said(i, **row)
        stored.learn(vector.now_ns, vector.values)
    assert stored.matrix.tobytes() == live.matrix.tobytes()
