"""The information coefficient: Spearman's rank correlation of a signal and what the price did after it.

Returns over a horizon overlap when they are taken more often than once a horizon, and then neighbours tell the same
story. The t statistic allows for it (the wider of Newey and West 1987 and Hansen and Hodrick 1980), as does `n_eff`: how
many independent pairs the pairs count as. All arrays are a regular grid of moments, NaN where something is missing, so that
a gap is not mistaken for two neighbours.
"""

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quant.vector import Floats

MIN_PAIRS = 20
Mask = NDArray[np.bool_]


class Coefficient(Struct, frozen=True, kw_only=True):
    """`ic` in [-1, 1] with its standard error, t statistic and the number of independent pairs behind it.

    None where it cannot be computed, and `reason` says why; `n` is the number of pairs there are.
    """

    n: int
    ic: float | None = None
    error: float | None = None
    t: float | None = None
    n_eff: float | None = None
    reason: str = ""

    def interval(self, z: float = 1.959964) -> tuple[float, float] | None:
        """Confidence interval, within [-1, 1]; 95 % by default."""
        if self.ic is None or self.error is None:
            return None
        return max(-1.0, self.ic - z * self.error), min(1.0, self.ic + z * self.error)


def ranks(values: Floats) -> Floats:
    """(n,): ranks from 1; equal values share the mean of theirs. No NaN may be among them."""
    order = np.argsort(values)
    ordered = values[order]
    first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], len(values))
    mean_rank = (starts + ends + 1) / 2.0
    found = np.empty(len(values))
    found[order] = mean_rank[np.cumsum(first) - 1]
    return found


def paired(signal: Floats, returns: Floats, where: Mask | None = None) -> Mask:
    """Where both are finite."""
    both = np.isfinite(signal) & np.isfinite(returns)
    return both if where is None else both & where


def information_coefficient(signal: Floats, returns: Floats, *, lags: int, where: Mask | None = None) -> Coefficient:
    """Rank correlation over the pairs there are, with a standard error robust to `lags` steps of overlap.

    signal, returns: (moments,); `where` restricts them, e.g. to one regime. lags 0: White's error.
    """
    mask = paired(signal, returns, where)
    n = int(mask.sum())
    if n < MIN_PAIRS:
        return Coefficient(n=n, reason=f"{n} pairs of signal and return, needs {MIN_PAIRS}")
    x, y = _standardised(signal[mask]), _standardised(returns[mask])
    if x is None or y is None:
        what = "the signal" if x is None else "the price"
        return Coefficient(n=n, reason=f"{what} never changed")
    ic = max(-1.0, min(1.0, _dot(x, y) / n))
    # Zero where a pair is missing: products across a gap are of moments that far apart.
    scores = np.zeros(len(mask))
    scores[mask] = x * (y - ic * x)
    spread = _long_run(scores, lags) / n
    error = math.sqrt(max(spread, 0.0) / n)
    unexplained = 1.0 - ic * ic
    if error <= 1e-12 or unexplained <= 1e-12:
        return Coefficient(n=n, ic=ic, reason="signal and return have the same order: no error to measure")
    n_eff = min(float(n), unexplained / error**2)
    return Coefficient(n=n, ic=ic, error=error, t=ic / error, n_eff=n_eff)


def independent_coefficient(signal: Floats, returns: Floats, *, every: int, where: Mask | None = None) -> Coefficient:
    """The same over every `every`-th moment only, so that no returns overlap; White's error."""
    return information_coefficient(
        signal[::every], returns[::every], lags=0, where=None if where is None else where[::every]
    )


def _standardised(values: Floats) -> Floats | None:
    """Ranks of mean 0 and variance 1; None when all are equal."""
    found = ranks(values)
    found -= found.mean()
    deviation = math.sqrt(_dot(found, found) / len(found))
    return None if deviation <= 1e-9 else found / deviation


def _dot(one: Floats, other: Floats) -> float:
    # Not by BLAS: it starts threads for arrays of this size, which cost more than they save.
    return float(np.multiply(one, other).sum())


def _long_run(scores: Floats, lags: int) -> float:
    """The wider of two sums over the products of neighbours: with Bartlett's weights up to `lags`, and in full below it.

    Returns that overlap `lags` times are alike up to there and no further: in full, nothing is missed of a signal that
    moves slowly, where Bartlett's weights give an error a fifth too small; but the full sum can fall below 0.
    """
    own = _dot(scores, scores)
    weighted = full = own
    for lag in range(1, min(lags, len(scores) - 1) + 1):
        product = 2.0 * _dot(scores[lag:], scores[:-lag])
        weighted += (1.0 - lag / (lags + 1.0)) * product
        if lag < lags:
            full += product
    return max(weighted, full)
