import numpy as np
import pytest

from quant.features.impact import KyleLambda, kyle_lambda

MIDS = np.array([100, 100.1, 100.05, 100.2, 100.3, 100.25])
SIGNED = np.array([2.0, 3, -1, 4, 2, -1])


def test_known_slope():
    slopes = kyle_lambda(MIDS, SIGNED, 4)
    assert slopes[-1] == pytest.approx(0.0416667, abs=5e-8)
    assert np.isnan(slopes[:4]).all()


def test_without_volume_there_is_no_slope():
    assert np.isnan(kyle_lambda(MIDS, np.zeros(6), 4)).all()
    impact = KyleLambda(600.0)
    for _ in range(50):
        impact.update(0.1, 0.0, 1.0)
    assert impact.value is None


def steps(n, seed=1):
    rng = np.random.default_rng(seed)
    signed = rng.normal(0, 2, n)
    return signed * 0.05 + rng.normal(0, 0.02, n), signed, rng.uniform(0.5, 2.0, n)


def test_fading_slope_equals_weighted_regression():
    moves, signed, elapsed = steps(400)
    impact = KyleLambda(120.0)
    for move, q, seconds in zip(moves.tolist(), signed.tolist(), elapsed.tolist(), strict=True):
        impact.update(move, q, seconds)
    ages = np.concatenate((np.cumsum(elapsed[::-1])[::-1][1:], [0.0]))
    weights = np.exp(-ages / 120.0)
    x, y = signed - np.average(signed, weights=weights), moves - np.average(moves, weights=weights)
    xx, xy, yy = (weights * x * x).sum(), (weights * x * y).sum(), (weights * y * y).sum()
    assert impact.value == pytest.approx((xy / xx, xy * xy / xx / yy), rel=1e-9)


def test_exchanged_sides_leave_the_slope():
    one, other = KyleLambda(60.0), KyleLambda(60.0)
    for move, q, seconds in zip(*steps(100), strict=True):
        one.update(move, q, seconds)
        other.update(-move, -q, seconds)
    assert one.value == other.value
