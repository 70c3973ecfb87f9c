"""Weights as evidence would have them."""

import pytest

from quant.evidence.drift import Seen, drifted

PRIOR = {"technical": 0.4, "speed": 0.2, "sentiment": 0.2, "options": 0.2}


def seen(ic: float, n_eff: float, needed: float = 1000.0) -> Seen:
    return Seen(ic=ic, n_eff=n_eff, needed=needed)


def test_without_evidence_the_prior_stays():
    assert drifted(PRIOR, {}) == pytest.approx(PRIOR)
    assert drifted(PRIOR, {"speed": seen(0.2, 0.0)}) == pytest.approx(PRIOR)
    assert drifted({"a": 2.0, "b": 2.0}, {}) == {"a": 0.5, "b": 0.5}


def test_evidence_moves_by_how_much_was_seen():
    both = {"technical": seen(0.02, 2000.0, 0.0), "speed": seen(0.06, 2000.0, 0.0)}
    moved = drifted(PRIOR, both)
    raw = {"technical": 0.8 * 0.4 + 0.2 * 0.25, "speed": 0.8 * 0.2 + 0.2 * 0.75, "sentiment": 0.2, "options": 0.2}
    assert moved == pytest.approx({name: share / sum(raw.values()) for name, share in raw.items()})


def test_the_prior_never_counts_less_than_half():
    lot = {name: seen(0.1 if name == "speed" else -0.1, 1e9) for name in PRIOR}
    assert drifted(PRIOR, lot) == pytest.approx({"technical": 0.2, "speed": 0.6, "sentiment": 0.1, "options": 0.1})


def test_a_coefficient_that_needs_more_than_was_seen_counts_for_less():
    sure, unsure = (
        drifted(PRIOR, {"speed": seen(0.05, 1000.0, needed), "technical": seen(0.05, 1000.0, 0.0)})["speed"]
        for needed in (0.0, 9000.0)
    )
    assert unsure < sure


def test_what_has_no_weight_gets_none():
    assert drifted({"a": 1.0, "b": 0.0}, {"b": seen(0.3, 1e9)}) == {"a": 1.0, "b": 0.0}


@pytest.mark.parametrize("prior", [{}, {"a": 0.0}, {"a": 1.0, "b": -0.1}])
def test_weights_that_are_none_are_refused(prior):
    with pytest.raises(ValueError, match="must not be negative"):
        drifted(prior, {})
