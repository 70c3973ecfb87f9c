"""Whether a mean is above zero though its observations follow each other: the circular block bootstrap.

Source: Politis & Romano (1992).
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def block_p_value(xs: Floats, *, block: int, rng: np.random.Generator, draws: int = 2000) -> float:
    """One-sided p of mean > 0. xs: (n,) in time; `block` is the length over which they depend on each other.

    1 where there are fewer than five blocks: nothing can be said.
    """
    n = len(xs)
    block = max(1, min(block, n))
    blocks = math.ceil(n / block)
    if blocks < 5:
        return 1.0
    mean = float(xs.mean())
    around = np.concatenate((xs - mean, (xs - mean)[:block]))
    sums = np.concatenate(([0.0], np.cumsum(around)))
    of_block = sums[block : block + n] - sums[:n]
    drawn = of_block[rng.integers(0, n, size=(draws, blocks))].sum(axis=1) / (blocks * block)
    return float((1 + int((drawn >= mean).sum())) / (draws + 1))
