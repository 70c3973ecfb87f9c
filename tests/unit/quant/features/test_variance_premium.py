import math

import numpy as np
import pytest

from quant.features.slow import DAY_NS, HOUR_NS, MINUTE_NS
from quant.features.variance_premium import VariancePremium


def after(days, *, step=0.005, skip=()):
    premium = VariancePremium()
    rng, price, prices, ts = np.random.default_rng(2), 100.0, [], 0
    for i in range(days * 24 * 4):
        ts = i * 15 * MINUTE_NS
        price *= math.exp(rng.normal(0, step) / 2)
        if ts // DAY_NS not in skip:
            premium.on_index(ts, price)
            if i % 4 == 0:
                prices.append(price)
    return premium, np.array(prices), ts


def test_it_equals_its_definition():
    premium, prices, ts = after(45)
    premium.on_implied(ts, 0.6)
    squares = np.diff(np.log(prices))[-720:] ** 2
    assert premium.realised_variance == pytest.approx(squares.mean() * 24 * 365, rel=1e-9)
    assert premium.value == pytest.approx(0.36 - premium.realised_variance, rel=1e-9)


def test_a_week_is_needed():
    assert after(7)[0].realised_variance is None
    assert after(8)[0].realised_variance is not None


def test_a_return_over_a_hole_is_not_one_of_an_hour():
    whole, _, _ = after(20)
    holed, _, _ = after(20, skip=(9, 10, 11))
    assert holed.realised_variance == pytest.approx(whole.realised_variance, rel=0.3)


def test_an_old_implied_volatility_has_no_premium():
    premium, _, ts = after(20)
    premium.on_implied(ts - 4 * HOUR_NS, 0.6)
    assert premium.value is None
    assert premium.implied == 0.6
    premium.on_implied(ts - 5 * HOUR_NS, 0.1)
    assert premium.implied == 0.6
