"""Hit rates, turnover, break-even costs, decay, verdicts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from quant.evidence.coefficient import Coefficient, information_coefficient
from quant.evidence.decay import half_life_s
from quant.evidence.rates import break_even_bps, hit_rate, turnover, wilson
from quant.evidence.verdict import Verdict, judge, needed_observations

NAN = float("nan")


@given(st.integers(1, 5000), st.floats(0, 1))
def test_the_interval_of_a_share_is_wilsons(n, share):
    hits = round(share * n)
    low, high = wilson(hits / n, n)
    expected = proportion_confint(hits, n, alpha=0.05, method="wilson")
    assert (low, high) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("share", "n"), [(0.5, 0), (1.2, 10), (-0.1, 10), (NAN, 10)])
def test_a_share_of_nothing_is_refused(share, n):
    with pytest.raises(ValueError, match="needs more than 0 trials"):
        wilson(share, n)


def test_hits_count_pairs_that_both_have_a_sign():
    signal = np.array([0.5, -0.5, 0.5, 0.0, NAN, 0.2])
    returns = np.array([1.0, -1.0, -1.0, 1.0, 1.0, 0.0])
    found = hit_rate(signal, returns, n_eff=None)
    assert (found.n, found.rate) == (3, pytest.approx(2 / 3))
    # Pairs that overlap are fewer than they look, so that the interval is wider.
    wide = hit_rate(signal, returns, n_eff=1.0)
    assert wide.low < found.low
    assert wide.high > found.high
    assert hit_rate(signal * 0, returns, n_eff=None).rate is None


def test_turnover_is_the_mean_change_over_a_horizon():
    signal = np.array([0.0, 1.0, 0.0, NAN, 0.5, 0.5])
    assert turnover(signal, every=1) == pytest.approx(np.mean([1.0, 1.0, 0.0]))
    assert turnover(signal, every=2) == pytest.approx(np.mean([0.0, 0.5]))
    assert turnover(signal, every=9) is None
    assert turnover(np.full(5, NAN), every=1) is None


def test_break_even_is_what_was_earned_by_what_was_traded():
    signal, returns = np.array([1.0, -1.0, 1.0, -1.0]), np.array([0.001, -0.001, 0.001, -0.001])
    moved = turnover(signal, every=1)
    assert moved == 2.0
    # 10 bps are earned each time, and two units are traded for them.
    assert break_even_bps(signal, returns, moved=moved) == pytest.approx(5.0)
    assert break_even_bps(-signal, returns, moved=moved) == pytest.approx(-5.0)
    assert break_even_bps(signal, returns, moved=0.0) is None
    assert break_even_bps(signal * NAN, returns, moved=1.0) is None


def test_half_life_is_where_half_of_the_peak_is_left():
    assert half_life_s([60, 120, 240], [0.08, 0.04, 0.02]) == pytest.approx(120)
    # Half way between 60 and 240, on a scale of ratios.
    assert half_life_s([60, 240], [0.06, 0.0]) == pytest.approx(120)
    assert half_life_s([60, 300, 900], [0.01, 0.05, -0.05]) == pytest.approx(300 * math.sqrt(3))
    assert half_life_s([60, 300], [-0.05, -0.01]) == pytest.approx(math.exp(
        math.log(60) + 0.025 / 0.04 * math.log(5)
    ))  # fmt: skip
    assert half_life_s([60, 300], [0.05, 0.04]) is None
    assert half_life_s([60, 300], [None, 0.04]) is None
    assert half_life_s([60, 300, 900], [0.0, 0.0, 0.0]) is None


def test_how_many_observations_a_coefficient_needs():
    """Of a level of 5 % and a power of 80 %, as tables of sample sizes have it: (1.96 + .84)²/IC²."""
    assert needed_observations() == needed_observations(0.0) == pytest.approx(19_622, abs=1)
    assert needed_observations(0.03) == needed_observations(-0.03) == pytest.approx(8721, abs=1)
    assert needed_observations(0.9) == 100


def coefficient(t: float, n_eff: float) -> Coefficient:
    return Coefficient(n=100_000, ic=t / n_eff**0.5, error=n_eff**-0.5, t=t, n_eff=n_eff)


@pytest.mark.parametrize(
    ("t", "n_eff", "verdict"),
    [
        (1.5, 19_000, Verdict.INSUFFICIENT),
        (1.5, 19_700, Verdict.NOTHING),
        (3.0, 4400, Verdict.SUPPORTS),
        (-3.0, 4400, Verdict.CONTRADICTS),
        (9.0, 99, Verdict.INSUFFICIENT),
        (0.0, 100_000, Verdict.NOTHING),
    ],
)
def test_verdicts(t, n_eff, verdict):
    (judged,) = judge([coefficient(t, n_eff)])
    assert judged.verdict is verdict


def test_what_is_found_among_many_must_stand_out_among_all_of_them():
    """Benjamini and Hochberg's procedure, as statsmodels has it."""
    rng = np.random.default_rng(2)
    found = [coefficient(t, 30_000) for t in np.concatenate((rng.normal(0, 1, 380), rng.normal(3.5, 1, 20)))]
    expected = multipletests([2 * norm.sf(abs(one.t)) for one in found], alpha=0.1, method="fdr_bh")[0]
    judged = judge(found)
    assert [one.verdict is not Verdict.NOTHING for one in judged] == expected.tolist()
    assert 0 < expected.sum() < sum(abs(one.t) >= 1.96 for one in found)
    assert judge([coefficient(2.2, 30_000)])[0].verdict is Verdict.SUPPORTS
    among_many = judge([coefficient(2.2, 30_000), *[coefficient(0.1, 30_000)] * 99])
    assert {one.verdict for one in among_many} == {Verdict.NOTHING}


def test_nothing_known_is_no_verdict():
    (judged,) = judge([information_coefficient(np.zeros(9), np.zeros(9), lags=0)])
    assert (judged.verdict, judged.needed) == (Verdict.INSUFFICIENT, needed_observations())
    assert judge([]) == []
