"""Compared with arch, which is not needed to run."""

import math

import numpy as np
import pytest
from arch import arch_model
from arch.data import sp500

from quant.features.garch import GarchFilter, GarchParameters, fit, log_likelihood

PARAMETERS = GarchParameters(mu=0.05, omega=0.02, alpha=0.1, beta=0.88)


@pytest.fixture(scope="module")
def returns():
    return 100 * sp500.load()["Adj Close"].dropna().pct_change().dropna()


def simulated(n, parameters=PARAMETERS, seed=1):
    rng = np.random.default_rng(seed)
    following = GarchFilter(parameters)
    found = []
    for shock in rng.normal(size=n).tolist():
        found.append(parameters.mu + math.sqrt(following.variance) * shock)
        following.update(found[-1])
    return np.array(found)


def test_the_fit_is_archs(returns):
    ours, theirs = fit(returns.to_numpy()), arch_model(returns, vol="GARCH", p=1, q=1).fit(disp="off")
    assert [ours.mu, ours.omega, ours.alpha, ours.beta] == pytest.approx(theirs.params.tolist(), rel=1e-3)
    assert log_likelihood(returns.to_numpy(), ours) == pytest.approx(theirs.loglikelihood, abs=1e-3)


def test_any_parameters_are_as_likely_as_arch_says(returns):
    for some in (PARAMETERS, GarchParameters(mu=0.0, omega=0.5, alpha=0.3, beta=0.2)):
        model = arch_model(returns, vol="GARCH", p=1, q=1)
        fixed = model.fix([some.mu, some.omega, some.alpha, some.beta])
        assert log_likelihood(returns.to_numpy(), some) == pytest.approx(fixed.loglikelihood, rel=1e-9)


def test_bar_by_bar_gives_archs_variances(returns):
    fixed = arch_model(returns, vol="GARCH", p=1, q=1).fix([0.05, 0.02, 0.1, 0.88])
    theirs = fixed.conditional_volatility.to_numpy() ** 2
    following = GarchFilter(PARAMETERS, variance=float(theirs[0]))
    ours = [following.update(value) for value in returns.tolist()[:-1]]
    assert ours == pytest.approx(theirs[1:].tolist(), rel=1e-9)


def test_a_simulated_process_is_found_again():
    found = fit(simulated(20_000))
    assert found.alpha == pytest.approx(PARAMETERS.alpha, abs=0.02)
    assert found.beta == pytest.approx(PARAMETERS.beta, abs=0.03)


def test_it_returns_to_the_long_run():
    following = GarchFilter(PARAMETERS, variance=9.0)
    for _ in range(3000):
        following.update(PARAMETERS.mu + math.sqrt(following.variance))
    assert following.variance == pytest.approx(PARAMETERS.long_run_variance, rel=1e-9)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"alpha": 0.2, "beta": 0.8}, "shocks would never fade"),
        ({"omega": 0.0}, "omega must be above 0"),
        ({"alpha": -0.1}, "not below"),
        ({"beta": math.nan}, "not below"),
    ],
)
def test_what_would_never_return_to_a_mean_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        GarchParameters(**{"mu": 0.0, "omega": 0.1, "alpha": 0.1, "beta": 0.8, **changed})


def test_too_little_or_nothing_to_follow_is_refused():
    with pytest.raises(ValueError, match="249 finite returns"):
        fit(simulated(249))
    with pytest.raises(ValueError, match="299 finite returns"):
        fit(np.array([*simulated(299), math.nan]))
    with pytest.raises(ValueError, match="never change"):
        fit(np.zeros(300))
