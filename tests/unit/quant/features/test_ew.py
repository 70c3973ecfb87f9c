import math

import numpy as np
import pytest

from quant.features.ew import DecayingRatio, EwMean, EwMoments, span_decay, time_decay


def explicit(xs, decay):
    """Mean and unbiased deviation with every weight written out."""
    weights = decay ** np.arange(len(xs) - 1, -1, -1.0)
    mean = np.average(xs, weights=weights)
    biased = np.average((xs - mean) ** 2, weights=weights)
    return mean, math.sqrt(biased * weights.sum() ** 2 / (weights.sum() ** 2 - (weights**2).sum()))


def test_moments_equal_their_definition():
    xs = np.random.default_rng(3).normal(5, 2, 300)
    moments = EwMoments()
    for i, x in enumerate(xs):
        moments.update(float(x), span_decay(35))
        if i >= 1:
            mean, std = explicit(xs[: i + 1], span_decay(35))
            assert moments.mean == pytest.approx(mean, rel=1e-12)
            assert moments.std == pytest.approx(std, rel=1e-11)


def test_peek_is_what_update_would_give():
    moments = EwMoments()
    for x in (1.0, 4.0, 2.0, 8.0):
        peeked = moments.peek_std(x, 0.9)
        moments.update(x, 0.9)
        assert moments.std == peeked


def test_one_observation_has_no_deviation():
    moments = EwMoments()
    assert moments.std is None
    moments.update(7.0, 0.9)
    assert moments.std is None


def test_z_is_missing_in_warm_up_and_without_deviation():
    moments = EwMoments()
    for _ in range(20):
        moments.update(1.0, 0.9)
    assert moments.z(2.0) is None
    assert EwMoments().z(1.0) is None


def test_z_is_clipped():
    moments = EwMoments()
    for x in [-1.0, 1.0] * 10:
        moments.update(x, 0.99)
    assert moments.z(1000.0) == 4.0
    assert moments.z(-1000.0) == -4.0


def test_mean_starts_at_its_first_observation():
    mean = EwMean(3)
    assert [mean.update(x) for x in (4.0, 8.0, 8.0)] == [4.0, 6.0, 7.0]


def test_ratio_forgets_with_time():
    ratio = DecayingRatio(tau_s=30)
    assert ratio.value is None
    ratio.update(1.0, 1.0, 0.0)
    ratio.update(-1.0, 1.0, 30.0)
    kept = math.exp(-1)
    assert ratio.value == pytest.approx((kept - 1) / (kept + 1))


def test_time_that_runs_backwards_decays_nothing():
    assert time_decay(-5.0, 1.0) == 1.0
