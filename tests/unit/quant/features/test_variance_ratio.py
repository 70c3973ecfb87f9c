"""Compared with arch, which is not needed to run."""

import math

import numpy as np
import pytest
from arch.unitroot import VarianceRatio as Oracle

from quant.features.variance_ratio import variance_ratio
from tests.unit.quant.market import recorded_bars


@pytest.mark.parametrize("q", [2, 5, 16])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_archs(q, seed):
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.standard_t(4, size=800) * 0.01)
    theirs = Oracle(walk, q)
    assert variance_ratio(walk, q) == pytest.approx((theirs.vr, theirs.stat), rel=1e-9)


def test_it_is_archs_on_recorded_minutes():
    prices = np.log([bar.close for bar in recorded_bars(3000)])
    theirs = Oracle(prices, 10)
    assert variance_ratio(prices, 10) == pytest.approx((theirs.vr, theirs.stat), rel=1e-9)


def test_a_trend_is_above_one_and_what_is_taken_back_below():
    shocks = np.random.default_rng(1).normal(size=4000)
    trend, back = np.cumsum(shocks[1:] + 0.5 * shocks[:-1]), np.cumsum(shocks[1:] - 0.5 * shocks[:-1])
    assert variance_ratio(trend, 4).ratio > 1.3
    assert variance_ratio(back, 4).ratio < 0.7


@pytest.mark.parametrize(
    ("prices", "q", "message"),
    [
        (np.arange(50.0), 1, "q must be at least 2"),
        (np.arange(4.0), 2, "3 steps and q = 2"),
        (np.array([1.0, math.nan, 2.0, 3.0, 4.0, 5.0]), 2, "all finite"),
        (np.ones(50), 2, "stands still"),
    ],
)
def test_what_has_no_ratio_is_refused(prices, q, message):
    with pytest.raises(ValueError, match=message):
        variance_ratio(prices, q)
