import math

import pytest

from quant.features.scale import NORMAL_SCALAR, ForecastScale


def test_prior_until_500_observations_then_what_was_seen():
    scale = ForecastScale(5.3)
    for _ in range(499):
        scale.observe(-4.0)
    assert scale.k == 5.3
    scale.observe(4.0)
    assert scale.k == pytest.approx(10 / 4)
    assert scale.norm(4.0) == pytest.approx(0.5)


def test_zeros_and_what_is_not_finite_are_not_observations():
    scale = ForecastScale()
    for x in (0.0, math.nan, math.inf):
        scale.observe(x)
    assert scale.count == 0


def test_norm_is_odd_and_bounded():
    scale = ForecastScale()
    assert scale.norm(100.0) == 1.0
    assert scale.norm(-100.0) == -1.0
    assert scale.norm(0.5) == -scale.norm(-0.5) == pytest.approx(NORMAL_SCALAR * 0.5 / 20)
