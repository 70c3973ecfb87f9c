"""Is a Sharpe ratio more than luck? Bailey and López de Prado (2012, 2014). All ratios are per period.

PSR = Φ((SR - SR*)·√(T-1) / √(1 - skew·SR + (kurtosis-1)/4·SR²)); deflated, SR* is the best that N trials of no worth
reach.
"""

import math
from statistics import NormalDist

import numpy as np
from msgspec import Struct

from quant.vector import Floats

EULER = 0.5772156649015329
NORMAL = NormalDist()
MIN_PERIODS = 20


class Performance(Struct, frozen=True, kw_only=True):
    """Sharpe ratio of a series with what its uncertainty depends on; `sharpe` None, and why, without one."""

    n: int
    sharpe: float | None = None
    skew: float = 0.0
    kurtosis: float = 3.0
    reason: str = ""


def performance(returns: Floats) -> Performance:
    """Of the finite returns, (periods,)."""
    found = returns[np.isfinite(returns)]
    n = len(found)
    if n < MIN_PERIODS:
        return Performance(n=n, reason=f"{n} periods, needs {MIN_PERIODS}")
    centred = found - found.mean()
    squared = centred * centred
    variance = float(squared.mean())
    if variance <= 1e-300:
        return Performance(n=n, reason="it never changed")
    deviation = math.sqrt(variance)
    return Performance(
        n=n,
        sharpe=float(found.mean()) / (deviation * math.sqrt(n / (n - 1.0))),
        skew=float((squared * centred).mean()) / deviation**3,
        kurtosis=float((squared * squared).mean()) / deviation**4,
    )


def probabilistic_sharpe(
    sharpe: float,
    *,
    periods: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    benchmark: float = 0.0,
    under_null: bool = False,
) -> float | None:
    """Probability that the true ratio is above `benchmark`. None where the moments allow no estimate.

    under_null: the error that the ratio would have if the benchmark were true, and T for T-1 (López de Prado, Lipton
    and Zoonekynd 2025), in place of the error at the ratio that was seen.
    """
    at, count = (benchmark, periods) if under_null else (sharpe, periods - 1.0)
    spread = 1.0 - skew * at + (kurtosis - 1.0) / 4.0 * at * at
    if count <= 0.0 or not math.isfinite(spread) or spread <= 0.0:
        return None
    return NORMAL.cdf((sharpe - benchmark) * math.sqrt(count) / math.sqrt(spread))


def expected_max_sharpe(trials: int, *, deviation: float) -> float:
    """The best ratio to expect of `trials` strategies without worth, whose ratios spread by `deviation`."""
    if trials < 2:
        return 0.0
    best = (1.0 - EULER) * NORMAL.inv_cdf(1.0 - 1.0 / trials) + EULER * NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return deviation * best


def deflated_sharpe(
    sharpe: float, *, trials: int, deviation: float, periods: float, skew: float = 0.0, kurtosis: float = 3.0
) -> float | None:
    """PSR against the best of `trials`; deviation: of the trials' ratios."""
    benchmark = expected_max_sharpe(trials, deviation=deviation)
    return probabilistic_sharpe(sharpe, periods=periods, skew=skew, kurtosis=kurtosis, benchmark=benchmark)
