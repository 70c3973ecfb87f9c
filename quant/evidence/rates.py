"""How often a signal is right, how much it moves, and what costs would eat up."""

import math

import numpy as np
from msgspec import Struct

from quant.evidence.coefficient import Mask, paired
from quant.vector import Floats


class HitRate(Struct, frozen=True, kw_only=True):
    """Share of signals with the sign of the return that followed, and its interval; None without any."""

    n: int
    rate: float | None = None
    low: float | None = None
    high: float | None = None


def wilson(share: float, n: float, z: float = 1.959964) -> tuple[float, float]:
    """Interval of a share of `n` independent trials (Wilson 1927). Raises ValueError for n <= 0 or a share not in [0, 1]."""
    if n <= 0.0 or not 0.0 <= share <= 1.0:
        raise ValueError(f"a share of {share} in {n} trials: needs more than 0 trials and a share from 0 to 1")
    square = z * z / n
    centre = (share + square / 2.0) / (1.0 + square)
    half = z / (1.0 + square) * math.sqrt(share * (1.0 - share) / n + square / (4.0 * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def hit_rate(signal: Floats, returns: Floats, *, n_eff: float | None, where: Mask | None = None) -> HitRate:
    """Over pairs in which both have a sign. n_eff: as how many independent pairs all pairs count."""
    mask = paired(signal, returns, where)
    pairs = int(mask.sum())
    signs = np.sign(signal[mask]) * np.sign(returns[mask])
    n = int(np.count_nonzero(signs))
    if n == 0:
        return HitRate(n=0)
    rate = float(np.count_nonzero(signs > 0)) / n
    independent = n if n_eff is None else max(1.0, n * min(1.0, n_eff / pairs))
    low, high = wilson(rate, independent)
    return HitRate(n=n, rate=rate, low=low, high=high)


def turnover(signal: Floats, *, every: int, where: Mask | None = None) -> float | None:
    """Mean |Δs| from one moment to the one `every` steps later; None without two."""
    if len(signal) <= every:
        return None
    before, after = signal[:-every], signal[every:]
    known = paired(before, after, None if where is None else where[every:])
    return float(np.abs(after[known] - before[known]).mean()) if known.any() else None


def break_even_bps(signal: Floats, returns: Floats, *, moved: float | None, where: Mask | None = None) -> float | None:
    """Cost of trading one unit, in bps, at which holding the signal over each horizon earns nothing.

    returns: of the horizon, as fractions; `moved`: the turnover over one horizon. Below zero: it loses without costs.
    """
    mask = paired(signal, returns, where)
    if moved is None or moved <= 1e-9 or not mask.any():
        return None
    return float((signal[mask] * returns[mask]).mean()) / moved * 1e4
