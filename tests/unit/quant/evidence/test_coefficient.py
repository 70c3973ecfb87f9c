"""Rank correlation and its error, against scipy and statsmodels; luck looks like luck; nothing bad raises."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from quant.evidence.coefficient import MIN_PAIRS, independent_coefficient, information_coefficient, ranks

NAN = float("nan")


def overlapping(rng: np.random.Generator, n: int, horizon: int) -> np.ndarray:
    """Returns of a random walk over `horizon` steps, one a step."""
    walk = np.concatenate(([0.0], np.cumsum(rng.normal(size=n + horizon))))
    return walk[horizon : n + horizon] - walk[:n]


def persistent(rng: np.random.Generator, n: int, memory: float) -> np.ndarray:
    found, noise = np.empty(n), rng.normal(size=n)
    found[0] = noise[0]
    for i in range(1, n):
        found[i] = memory * found[i - 1] + noise[i] * np.sqrt(1 - memory**2)
    return found


@given(arrays(np.float64, st.integers(1, 60), elements=st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0])))
def test_ranks_are_scipys_also_with_ties(values):
    assert ranks(values).tolist() == stats.rankdata(values).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_the_coefficient_is_spearmans(seed):
    rng = np.random.default_rng(seed)
    signal = np.round(rng.normal(size=500), 1)
    returns = 0.2 * signal + rng.standard_t(3, size=500)
    found = information_coefficient(signal, returns, lags=0)
    assert found.ic == pytest.approx(stats.spearmanr(signal, returns).statistic, abs=1e-12)
    assert found.n == 500


@pytest.mark.parametrize("lags", [1, 5, 24])
def test_the_error_is_the_wider_of_newey_and_west_and_of_hansen_and_hodrick(lags):
    rng = np.random.default_rng(lags)
    signal = persistent(rng, 2000, 0.9)
    returns = overlapping(rng, 2000, max(1, lags)) + 0.3 * signal
    found = information_coefficient(signal, returns, lags=lags)
    x, y = (stats.zscore(stats.rankdata(values)) for values in (signal, returns))
    kinds = {"bartlett": lags, "uniform": lags - 1}
    fitted = [
        sm.OLS(y, sm.add_constant(x)).fit(
            cov_type="HAC", cov_kwds={"maxlags": most, "kernel": kernel, "use_correction": False}
        )
        for kernel, most in kinds.items()
    ]
    wider = max(fitted, key=lambda one: float(one.bse[1]))
    assert found.ic == pytest.approx(wider.params[1], abs=1e-12)
    assert found.error == pytest.approx(wider.bse[1], rel=1e-9)
    assert found.t == pytest.approx(wider.tvalues[1], rel=1e-9)


def test_signals_that_hardly_change_look_true_no_more_often_than_others():
    """Newey and West's error alone lets 9 of 100 pass where 4.6 are due."""
    rng = np.random.default_rng(5)
    tried, horizon = 1500, 6
    hits = sum(
        abs(information_coefficient(persistent(rng, 720, 0.995), overlapping(rng, 720, horizon), lags=horizon).t) > 2.0
        for _ in range(tried)
    )
    assert 0.02 < hits / tried < 0.07


def test_without_overlap_the_error_is_whites():
    rng = np.random.default_rng(7)
    signal, returns = rng.normal(size=(2, 300))
    found = independent_coefficient(np.repeat(signal, 5), np.repeat(returns, 5), every=5)
    x, y = (stats.zscore(stats.rankdata(values)) for values in (signal, returns))
    fitted = sm.OLS(y, sm.add_constant(x)).fit(cov_type="HC0")
    assert found.t == pytest.approx(fitted.tvalues[1], rel=1e-9)
    assert found.n == 300


def test_a_gap_is_not_taken_for_two_neighbours():
    """Every other moment missing: what is left is two steps apart, so one lag of overlap finds nothing to add."""
    rng = np.random.default_rng(3)
    signal, returns = rng.normal(size=(2, 400))
    with_gaps = np.full((2, 800), NAN)
    with_gaps[:, ::2] = signal, returns
    assert information_coefficient(*with_gaps, lags=1).t == information_coefficient(signal, returns, lags=0).t
    assert information_coefficient(*with_gaps, lags=2).t == pytest.approx(
        information_coefficient(signal, returns, lags=2).t, rel=0.2
    )


def test_overlap_counts_as_fewer_observations():
    rng = np.random.default_rng(11)
    slow = persistent(rng, 20_000, 0.999)
    found = information_coefficient(slow, overlapping(rng, 20_000, 60), lags=60)
    assert found.n_eff < 20_000 / 20
    fast = information_coefficient(rng.normal(size=20_000), overlapping(rng, 20_000, 60), lags=60)
    assert fast.n_eff > 10_000


@pytest.mark.parametrize(("memory", "horizon"), [(0.0, 1), (0.0, 12), (0.9, 12), (0.98, 6)])
def test_shuffled_signals_score_at_chance(memory, horizon):
    """Of signals that know nothing about one in twenty looks two errors wide; none would be a test that is too tame."""
    rng = np.random.default_rng(5)
    tried = 300
    hits = sum(
        abs(information_coefficient(persistent(rng, 1500, memory), overlapping(rng, 1500, horizon), lags=horizon).t)
        > 1.96
        for _ in range(tried)
    )
    assert 0.02 < hits / tried < 0.11


def test_shuffling_takes_a_real_skill_away():
    rng = np.random.default_rng(9)
    signal = rng.normal(size=8000)
    returns = 0.08 * signal + rng.normal(size=8000)
    assert information_coefficient(signal, returns, lags=0).t > 5
    shuffled = [abs(information_coefficient(rng.permutation(signal), returns, lags=0).t) for _ in range(40)]
    assert np.mean(np.array(shuffled) > 1.96) < 0.2
    assert max(shuffled) < 4


def test_what_cannot_be_computed_says_why():
    rng = np.random.default_rng(2)
    signal, returns = rng.normal(size=(2, 100))
    assert "needs 20" in information_coefficient(signal[:10], returns[:10], lags=3).reason
    assert information_coefficient(np.zeros(100), returns, lags=0).reason == "the signal never changed"
    assert information_coefficient(signal, np.ones(100), lags=0).reason == "the price never changed"
    same = information_coefficient(signal, signal, lags=0)
    assert (same.ic, same.t) == (pytest.approx(1.0), None)
    assert "same order" in same.reason
    assert information_coefficient(np.full(100, NAN), returns, lags=0).n == 0
    assert information_coefficient(np.array([]), np.array([]), lags=5).n == 0
    mask = np.zeros(100, dtype=bool)
    assert information_coefficient(signal, returns, lags=0, where=mask).ic is None


VALUES = st.floats(allow_nan=True, allow_infinity=True, width=64)


@given(arrays(np.float64, (2, 40), elements=VALUES), st.integers(0, 60))
def test_nothing_raises_and_nothing_is_out_of_range(both, lags):
    found = information_coefficient(both[0], both[1], lags=lags)
    assert (found.ic is None) == (found.n < MIN_PAIRS or bool(found.reason and "never" in found.reason))
    if found.ic is not None:
        assert -1.0 <= found.ic <= 1.0
        assert found.n_eff is None or 0.0 < found.n_eff <= found.n
        low, high = found.interval() or (-1.0, 1.0)
        assert -1.0 <= low <= high <= 1.0


@given(arrays(np.float64, (2, 30), elements=st.floats(-100, 100, width=32)))
def test_turning_the_signal_round_turns_the_coefficient_round(both):
    ahead, back = (information_coefficient(sign * both[0], both[1], lags=2) for sign in (1.0, -1.0))
    if ahead.ic is not None:
        assert back.ic == pytest.approx(-ahead.ic, abs=1e-12)
        assert ahead.t is None or back.t == pytest.approx(-ahead.t, rel=1e-6)
