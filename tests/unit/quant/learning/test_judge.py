"""What is too good is named."""

import pytest

from quant.learning.judge import refusals


def metrics(**holdout):
    fine = {
        "skill": 0.02,
        "baseline_skill": 0.01,
        "p_value": 0.01,
        "direction": 0.54,
        "mean_bps": 2.0,
        "deflated": 0.99,
    }
    return {
        "holdout": {**fine, "trades": 100, **holdout},
        "walk_forward": {"skill": 0.02},
        "cross_validation": {"skill": 0.02, "splits": 15},
        "shuffled_skill": 0.0,
        "single_features": {},
    }


def test_nothing_speaks_against_a_modest_model():
    assert refusals(metrics()) == []
    assert refusals(metrics(direction=None)) == []


@pytest.mark.parametrize(
    ("holdout", "words"),
    [({"direction": 0.61}, "61.0% of ups and downs right"), ({"skill": 0.11}, "A skill of +11.0%")],
)
def test_what_no_market_allows_is_called_a_leak(holdout, words):
    (said,) = refusals(metrics(**holdout))
    assert words in said
    assert "leak until shown otherwise" in said


def test_skill_at_telling_touches_from_holds_is_no_leak():
    said = refusals(metrics(skill=0.13, direction=0.5, p_value=0.155))
    assert not any("leak" in sentence for sentence in said)
    assert any("may be chance" in sentence for sentence in said)
