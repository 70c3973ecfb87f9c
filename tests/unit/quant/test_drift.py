import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.blend import DEFAULT_WEIGHTS
from quant.drift import drifted_weights, shrunk_ic
from quant.reading import BUILT_IN, Component

PRIOR = dict(DEFAULT_WEIGHTS)
ics = st.dictionaries(st.sampled_from(list(Component)), st.floats(-0.2, 0.2))


def test_with_little_evidence_the_prior_stands():
    assert drifted_weights(PRIOR, {Component.SPEED: 0.1}, n_effective=0.0) == PRIOR
    moved = drifted_weights(PRIOR, dict.fromkeys(BUILT_IN, 0.02), n_effective=100.0)
    assert moved[Component.TECHNICAL] == pytest.approx(0.99 * 0.4 + 0.01 / 7)


def test_at_most_half_of_the_say_moves():
    found = {Component.TECHNICAL: -0.05, Component.SPEED: 0.01, Component.MICROSTRUCTURE: 0.03}
    moved = drifted_weights(PRIOR, found, n_effective=1e6)
    assert moved[Component.TECHNICAL] == pytest.approx(0.2)
    assert moved[Component.SPEED] == pytest.approx(0.075 + 0.5 * 0.7 / 4)
    assert moved[Component.MICROSTRUCTURE] == pytest.approx(0.075 + 0.5 * 0.7 * 3 / 4)
    assert moved[Component.OPEN_INTEREST] == 0.1


def test_what_is_off_stays_off():
    moved = drifted_weights(PRIOR, {Component.MODEL: 0.2, Component.SPEED: 0.01}, n_effective=1e4)
    assert moved[Component.MODEL] == 0.0


@given(ics, st.floats(0, 1e6))
def test_weights_stay_weights(found, n):
    moved = drifted_weights(PRIOR, found, n_effective=n)
    assert sum(moved.values()) == pytest.approx(sum(PRIOR.values()))
    assert all(weight >= 0.5 * PRIOR[component] for component, weight in moved.items())


def test_a_coefficient_is_believed_by_its_observations():
    assert shrunk_ic(0.06, 0.0) == 0.0
    assert shrunk_ic(0.06, 1 / 0.03**2) == pytest.approx(0.03)
    assert shrunk_ic(-0.06, 1e9) == pytest.approx(-0.06, rel=1e-4)
