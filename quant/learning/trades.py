"""What following a model would have earned: one position at a time, held to its first touch, after costs."""

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quant.learning.labels import Action, Labels
from quant.learning.scores import decided

Floats = NDArray[np.float64]

YEAR_NS = 365 * 86_400 * 1_000_000_000
EULER = 0.5772156649015329


class Followed(Struct, frozen=True, kw_only=True):
    """`sharpe` is annual, `mean_bps` a trade's after costs; None where there are fewer than two trades."""

    trades: int
    mean_bps: float | None
    hit_rate: float | None
    sharpe: float | None
    deflated: float | None


def net_gains(p: Floats, labels: Labels, *, theta: float, cost_bps: float) -> Floats:
    """(trades,) log returns after costs; an event while a position is held is passed over."""
    return trades_of(p, labels, theta=theta, cost_bps=cost_bps)[1]


def trades_of(p: Floats, labels: Labels, *, theta: float, cost_bps: float) -> tuple[NDArray[np.int64], Floats]:
    """(trades,) each: when they begin, and what they gain as `net_gains` says."""
    actions = decided(p, theta)
    begins: list[int] = []
    gains: list[float] = []
    free_ns = 0
    for i in np.flatnonzero(actions != Action.HOLD).tolist():
        if labels.start_ns[i] >= free_ns:
            gain = labels.gain_buy[i] if actions[i] == Action.BUY else labels.gain_sell[i]
            begins.append(int(labels.start_ns[i]))
            gains.append(float(gain) - cost_bps / 1e4)
            free_ns = int(labels.end_ns[i])
    return np.array(begins, dtype=np.int64), np.array(gains, dtype=np.float64)


def follow(p: Floats, labels: Labels, *, theta: float, cost_bps: float, trials: int) -> Followed:
    """Net results; `trials` models were tried, which the deflated ratio takes off."""
    gains = net_gains(p, labels, theta=theta, cost_bps=cost_bps)
    n = len(gains)
    spread = float(gains.std(ddof=1)) if n > 1 else 0.0
    if spread <= 0.0:
        return Followed(trades=n, mean_bps=None, hit_rate=None, sharpe=None, deflated=None)
    ratio = float(gains.mean()) / spread
    years = (int(labels.end_ns.max()) - int(labels.start_ns.min())) / YEAR_NS
    return Followed(
        trades=n,
        mean_bps=float(gains.mean()) * 1e4,
        hit_rate=float((gains > 0.0).mean()),
        sharpe=ratio * math.sqrt(n / years) if years > 0.0 else None,
        deflated=_deflated(gains, ratio, trials),
    )


def _deflated(gains: Floats, ratio: float, trials: int) -> float | None:
    """Chance that the ratio is above the best of `trials` that know nothing (Bailey & López de Prado 2014).

    The variance over trials is that of a ratio of nothing over as many trades.
    """
    from scipy.stats import kurtosis, norm, skew

    n = len(gains)
    if n < 10:
        return None
    best = 0.0
    if trials > 1:
        top, second = norm.ppf(1.0 - 1.0 / trials), norm.ppf(1.0 - 1.0 / (trials * math.e))
        best = math.sqrt(1.0 / n) * ((1.0 - EULER) * top + EULER * second)
    below = 1.0 - float(skew(gains)) * ratio + (float(kurtosis(gains, fisher=False)) - 1.0) / 4.0 * ratio**2
    return float(norm.cdf((ratio - best) * math.sqrt(n - 1) / math.sqrt(max(below, 1e-12))))
