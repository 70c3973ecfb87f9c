"""Variance ratio: does a price go further than a random walk of its steps, or less far? For histories, not for ticks.

Source: Lo & MacKinlay (1988), with overlapping q-step returns, corrected for bias and robust to changing variance.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class VarianceRatio(NamedTuple):
    """`ratio` is 1 for a random walk, above in a trend, below where moves are taken back; `z` is its standard score."""

    ratio: float
    z: float


def variance_ratio(log_prices: NDArray[np.float64], q: int) -> VarianceRatio:
    """Of (bars,) log prices, oldest first. Raises ValueError for q < 2, fewer than 2q steps, or prices that stand still."""
    prices = np.asarray(log_prices, dtype=np.float64)
    n = len(prices) - 1
    if q < 2 or n < 2 * q or not np.isfinite(prices).all():
        raise ValueError(f"{n} steps and q = {q}: q must be at least 2, with 2q steps or more, all finite")
    steps = np.diff(prices)
    mean = float(steps.mean())
    squares = (steps - mean) ** 2
    variance = float(squares.sum()) / (n - 1)
    if variance <= 0.0:
        raise ValueError("the price stands still: there is no variance to compare")
    long = prices[q:] - prices[:-q] - q * mean
    ratio = float(long @ long) / (q * (n - q + 1) * (1.0 - q / n)) / variance
    theta = 0.0
    for k in range(1, q):
        delta = n * float(squares[k:] @ squares[:-k]) / float(squares.sum()) ** 2
        theta += (2.0 * (q - k) / q) ** 2 * delta
    return VarianceRatio(ratio, math.sqrt(n) * (ratio - 1.0) / math.sqrt(theta))
