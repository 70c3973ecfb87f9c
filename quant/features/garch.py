"""Volatility that clusters: GARCH(1,1), fitted to a history now and then, and followed bar by bar in O(1).

    variance = omega + alpha·(last return - mu)² + beta·(last variance)

Returns are in percent, which keeps omega away from rounding. A fit takes seconds: never in the path of a tick.
Source: Bollerslev (1986); starting variance as in Kevin Sheppard's arch.
"""

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MIN_RETURNS = 250
START_DECAY, START_RETURNS = 0.94, 75


class GarchParameters(Struct, frozen=True, kw_only=True):
    """Of returns in percent. Raises ValueError where the variance would be negative, or would not return to a mean."""

    mu: float
    omega: float
    alpha: float
    beta: float

    def __post_init__(self) -> None:
        if not (self.omega > 0.0 and self.alpha >= 0.0 and self.beta >= 0.0):
            raise ValueError(f"omega must be above 0, alpha and beta not below: {self}")
        if not self.alpha + self.beta < 1.0:
            raise ValueError(f"alpha + beta is {self.alpha + self.beta:.4f}, must be below 1: shocks would never fade")

    @property
    def long_run_variance(self) -> float:
        return self.omega / (1.0 - self.alpha - self.beta)


class GarchFilter:
    """The variance expected of the next return, from the long run's on. `update` takes a return in percent."""

    __slots__ = ("_parameters", "variance")

    def __init__(self, parameters: GarchParameters, *, variance: float | None = None) -> None:
        self._parameters = parameters
        self.variance = parameters.long_run_variance if variance is None else variance

    def update(self, return_pct: float) -> float:
        p = self._parameters
        self.variance = p.omega + p.alpha * (return_pct - p.mu) ** 2 + p.beta * self.variance
        return self.variance


def start_variance(returns_pct: Floats) -> float:
    """Of the first 75 returns about the mean of all, the early ones weighing more."""
    first = (returns_pct[:START_RETURNS] - returns_pct.mean()) ** 2
    weights = START_DECAY ** np.arange(len(first))
    return float(first @ weights / weights.sum())


def log_likelihood(returns_pct: Floats, parameters: GarchParameters) -> float:
    """Of (bars,) returns, oldest first, if they are normal given their variances."""
    returns = np.asarray(returns_pct, dtype=np.float64)
    squares = (returns - parameters.mu) ** 2
    before = start_variance(returns)
    # A return before the first is not known: its square is what the variance starts from.
    variances = _variances(np.concatenate(([before], squares[:-1])), before, parameters)
    return float(-0.5 * np.sum(math.log(2.0 * math.pi) + np.log(variances) + squares / variances))


def fit(returns_pct: Floats) -> GarchParameters:
    """The parameters that make (bars,) returns most likely.

    Raises ValueError for fewer than 250 returns, for some that are not finite, and where no stationary process fits.
    """
    from scipy.optimize import minimize

    returns = np.asarray(returns_pct, dtype=np.float64)
    if len(returns) < MIN_RETURNS or not np.isfinite(returns).all():
        raise ValueError(f"{int(np.isfinite(returns).sum())} finite returns, {MIN_RETURNS} without a hole are needed")
    spread = float(returns.var())
    if spread <= 0.0:
        raise ValueError("the returns never change: there is no variance to follow")

    def loss(x: Floats) -> float:
        mu, omega, alpha, beta = (float(value) for value in x)
        if not (omega > 0.0 and alpha >= 0.0 and beta >= 0.0 and alpha + beta < 1.0):
            return math.inf
        return -log_likelihood(returns, GarchParameters(mu=mu, omega=omega, alpha=alpha, beta=beta)) / len(returns)

    start = np.array([returns.mean(), 0.05 * spread, 0.1, 0.85])
    found = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-7, "fatol": 1e-11})
    if not found.success:
        raise ValueError(f"no stationary process fits: {found.message}")
    mu, omega, alpha, beta = (float(value) for value in found.x)
    return GarchParameters(mu=mu, omega=omega, alpha=alpha, beta=beta)


def _variances(squares_before: Floats, start: float, parameters: GarchParameters) -> Floats:
    from scipy.signal import lfilter

    shocks = parameters.omega + parameters.alpha * squares_before
    variances, _ = lfilter([1.0], [1.0, -parameters.beta], shocks, zi=[parameters.beta * start])
    return np.asarray(variances, dtype=np.float64)
