"""Sharpe ratios against luck, and overfitting: the vectors of the papers, and skfolio."""

import math
import warnings

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from skfolio import measures as oracle

from quant.evidence.overfitting import overfitting
from quant.evidence.sharpe import deflated_sharpe, expected_max_sharpe, performance, probabilistic_sharpe

NAN = float("nan")


def test_bailey_and_lopez_de_prados_example_of_a_deflated_ratio():
    trials = {"trials": 100, "deviation": math.sqrt(0.5 / 250)}
    assert expected_max_sharpe(**trials) == pytest.approx(0.113172, abs=5e-7)
    found = deflated_sharpe(2.5 / math.sqrt(250), periods=1250, skew=-3, kurtosis=10, **trials)
    assert found == pytest.approx(0.900397, abs=5e-7)


def test_the_probabilistic_ratio_of_two_years_of_a_fund():
    assert probabilistic_sharpe(0.036 / 0.079, periods=24, under_null=True) == pytest.approx(0.987207, abs=5e-7)


@pytest.mark.parametrize("seed", range(4))
def test_ratios_are_skfolios(seed):
    rng = np.random.default_rng(seed)
    returns = rng.standard_t(5, size=300) * 0.01 + 0.001
    held = performance(returns)
    shape = {"periods": held.n, "skew": held.skew, "kurtosis": held.kurtosis}
    assert held.sharpe is not None
    for benchmark in (0.0, 0.05):
        found = probabilistic_sharpe(held.sharpe, benchmark=benchmark, **shape)
        assert found == pytest.approx(oracle.probabilistic_sharpe_ratio(returns, benchmark), rel=1e-9)
    tried = rng.normal(0, 0.05, 40)
    deviation = float(np.std(tried, ddof=1))
    assert expected_max_sharpe(40, deviation=deviation) == pytest.approx(
        oracle.expected_max_sharpe_ratio(40, deviation)
    )
    found = deflated_sharpe(held.sharpe, trials=40, deviation=deviation, **shape)
    assert found == pytest.approx(oracle.deflated_sharpe_ratio(returns, tried), rel=1e-9)


def test_more_trials_make_the_same_ratio_worth_less():
    worth = [deflated_sharpe(0.1, trials=trials, deviation=0.03, periods=500) for trials in (1, 10, 100, 1000)]
    assert worth == sorted(worth, reverse=True)
    assert worth[0] == probabilistic_sharpe(0.1, periods=500)


def test_what_has_no_ratio_says_why():
    assert performance(np.ones(100)).reason == "it never changed"
    assert performance(np.array([NAN] * 90 + [1.0] * 9)).reason == "9 periods, needs 20"
    assert performance(np.array([])).sharpe is None
    assert probabilistic_sharpe(0.5, periods=1) is None
    assert probabilistic_sharpe(2.0, periods=50, skew=9.0) is None


def test_overfitting_of_noise_and_of_one_real_skill():
    returns = np.random.default_rng(42).normal(0, 0.01, (1000, 50))
    found = overfitting(returns, blocks=10)
    assert found.splits == 252
    assert found.pbo == pytest.approx(0.670635, abs=5e-7)
    returns[:, 3] += 0.002
    assert overfitting(returns, blocks=10).pbo == 0.0


def test_overfitting_of_many_draws_of_noise_is_at_chance():
    rng = np.random.default_rng(1)
    drawn = [overfitting(rng.normal(size=(200, 12)), blocks=8).pbo for _ in range(40)]
    assert 0.35 < np.mean(drawn) < 0.65


def test_what_cannot_be_judged_for_overfitting():
    rng = np.random.default_rng(1)
    assert "needs 2" in overfitting(rng.normal(size=(100, 1)), blocks=4).reason
    assert "needs 32" in overfitting(rng.normal(size=(20, 5))).reason
    assert overfitting(np.full((100, 3), NAN), blocks=4).reason == "some returns are missing"
    flat = rng.normal(size=(100, 3))
    flat[:, 1] = 1.0
    assert overfitting(flat, blocks=4).reason == "a trial never changed"
    for blocks in (1, 3, 22):
        with pytest.raises(ValueError, match="even number"):
            overfitting(flat, blocks=blocks)
    with pytest.raises(ValueError, match="periods, trials"):
        overfitting(np.zeros(10))
