"""Probability of backtest overfitting, by combinatorially symmetric cross-validation (Bailey et al. 2015)."""

import math
from itertools import combinations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

MIN_ROWS_A_BLOCK = 2
MAX_BLOCKS = 20


class Overfitting(Struct, frozen=True, kw_only=True):
    """`pbo` in [0, 1]: how often the best in one half is below the median in the other; None, and why, without."""

    pbo: float | None = None
    splits: int = 0
    reason: str = ""


def overfitting(returns: NDArray[np.float64], *, blocks: int = 16) -> Overfitting:
    """returns: (periods, trials). Rows are cut into `blocks` of the same length, an even number; what is left over
    at the end is not used. One noisy draw may give anything from .2 to .8: never decide by this alone.
    """
    if returns.ndim != 2:
        raise ValueError(f"returns are {returns.shape}, must be (periods, trials)")
    if blocks < 2 or blocks % 2 or blocks > MAX_BLOCKS:
        raise ValueError(f"{blocks} blocks: must be an even number from 2 to {MAX_BLOCKS}")
    length, trials = len(returns) // blocks, returns.shape[1]
    if trials < 2:
        return Overfitting(reason=f"{trials} trial to choose from, needs 2")
    if length < MIN_ROWS_A_BLOCK:
        return Overfitting(reason=f"{len(returns)} periods, needs {blocks * MIN_ROWS_A_BLOCK}")
    if not np.isfinite(returns).all():
        return Overfitting(reason="some returns are missing")
    cut = returns[: length * blocks].reshape(blocks, length, trials)
    sums, squares = cut.sum(axis=1), (cut * cut).sum(axis=1)
    if float(np.ptp(cut.reshape(-1, trials), axis=0).min()) <= 0.0:
        return Overfitting(reason="a trial never changed")
    rows = length * blocks // 2
    below = splits = 0
    for chosen in combinations(range(blocks), blocks // 2):
        inside = list(chosen)
        outside = [block for block in range(blocks) if block not in chosen]
        best = int(np.argmax(_sharpe(sums[inside], squares[inside], rows)))
        after = _sharpe(sums[outside], squares[outside], rows)
        rank = (np.count_nonzero(after < after[best]) + np.count_nonzero(after <= after[best]) + 1) / 2.0
        share = rank / (trials + 1.0)
        below += math.log(share / (1.0 - share)) <= 0.0
        splits += 1
    return Overfitting(pbo=below / splits, splits=splits)


def _sharpe(sums: NDArray[np.float64], squares: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """(trials,): of several blocks together."""
    mean = sums.sum(axis=0) / rows
    variance = np.maximum(squares.sum(axis=0) / rows - mean * mean, 1e-300)
    found: NDArray[np.float64] = mean / np.sqrt(variance)
    return found
