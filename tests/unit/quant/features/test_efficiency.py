import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.features.efficiency import EfficiencyRatio

prices = st.lists(st.floats(1.0, 1e6), min_size=21, max_size=60)


def efficiency(xs, n=20):
    ratio = EfficiencyRatio(n)
    value = None
    for x in xs:
        value = ratio.update(x)
    return value


def test_a_straight_line_is_one_in_either_direction():
    assert efficiency([100.0 + i for i in range(21)]) == 1.0
    assert efficiency([100.0 - i for i in range(21)]) == 1.0


def test_there_and_back_is_zero():
    assert efficiency([100.0 + (i % 2) for i in range(21)]) == 0.0


def test_a_random_walk_is_about_one_over_root_n():
    walks = np.random.default_rng(7).normal(size=(4000, 20)).cumsum(axis=1)
    values = [efficiency([0.0, *walk]) for walk in walks.tolist()]
    assert np.mean(values) == pytest.approx(0.2236, abs=0.01)


def test_it_needs_n_changes_and_something_that_moves():
    assert efficiency([100.0 + i for i in range(20)]) is None
    assert efficiency([100.0] * 30) is None
    with pytest.raises(ValueError, match="n is 0"):
        EfficiencyRatio(0)


@given(prices)
def test_it_equals_its_definition_over_the_last_bars_alone(xs):
    last = np.array(xs[-21:])
    way = np.abs(np.diff(last)).sum()
    value = efficiency(xs)
    if way == 0.0:
        assert value is None
    else:
        assert value is not None
        assert 0.0 <= value <= 1.0
        assert math.isclose(value, abs(last[-1] - last[0]) / way, rel_tol=1e-9, abs_tol=1e-12)
