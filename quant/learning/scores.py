"""How good probabilities are. `p` is (rows, 3) of sell, hold, buy; `classes` is (rows,) of `Action`; weights are (rows,)."""

import math

import numpy as np
from numpy.typing import NDArray

from quant.learning.labels import Action

Floats = NDArray[np.float64]
Classes = NDArray[np.int8]

_LEAST = 1e-12


def log_losses(p: Floats, classes: Classes) -> Floats:
    """(rows,): -ln of the probability given to what happened."""
    return np.asarray(-np.log(np.maximum(p[np.arange(len(classes)), classes], _LEAST)), dtype=np.float64)


def log_loss(p: Floats, classes: Classes, weights: Floats) -> float:
    return float(np.average(log_losses(p, classes), weights=weights))


def prior(classes: Classes, weights: Floats) -> Floats:
    """(3,): shares of the classes, none of them nothing."""
    shares = np.bincount(classes, weights=weights, minlength=3) + 1.0
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def skill(p: Floats, classes: Classes, weights: Floats, base: Floats) -> float:
    """1 - log loss/log loss of always saying `base`: above 0 is better than knowing nothing but the shares."""
    known_nothing = log_loss(np.broadcast_to(base, p.shape), classes, weights)
    return 1.0 - log_loss(p, classes, weights) / known_nothing


def brier(p: Floats, classes: Classes, weights: Floats) -> float:
    """Mean squared distance from what happened, over all three classes, in [0, 2]."""
    happened = np.eye(3)[classes]
    return float(np.average(((p - happened) ** 2).sum(axis=1), weights=weights))


def expected_calibration_error(p: Floats, classes: Classes, bins: int = 10) -> float:
    """Mean distance between the confidence in the likeliest class and how often it came, over bins of confidence."""
    confidence, is_right = p.max(axis=1), p.argmax(axis=1) == classes
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    total = 0.0
    for i in range(bins):
        inside = place == i
        if inside.any():
            total += inside.mean() * abs(float(confidence[inside].mean()) - float(is_right[inside].mean()))
    return float(total)


def matthews(p: Floats, classes: Classes) -> float:
    """Correlation of what was said and what happened (Gorodkin 2004), 0 where only one class was said."""
    said = p.argmax(axis=1)
    table = np.zeros((3, 3))
    np.add.at(table, (classes, said), 1.0)
    n, right = table.sum(), float(np.trace(table))
    true, told = table.sum(axis=1), table.sum(axis=0)
    above = right * n - float(true @ told)
    below = math.sqrt(float(n * n - told @ told)) * math.sqrt(float(n * n - true @ true))
    return float(above / below) if below > 0.0 else 0.0


def direction(p: Floats, classes: Classes) -> float | None:
    """Balanced share of ups and downs that p_buy - p_sell has the sign of: .5 knows nothing. None without both kinds."""
    lean = p[:, Action.BUY] - p[:, Action.SELL]
    ups, downs = classes == Action.BUY, classes == Action.SELL
    if not ups.any() or not downs.any():
        return None
    return float(((lean[ups] > 0.0).mean() + (lean[downs] < 0.0).mean()) / 2.0)


def area_under_curve(x: Floats, is_up: NDArray[np.bool_]) -> float:
    """Chance that an up's `x` is above a down's; .5 where there is only one kind. NaN rows are left out."""
    from scipy.stats import rankdata

    there = np.isfinite(x)
    x, is_up = x[there], is_up[there]
    ups = int(is_up.sum())
    downs = len(x) - ups
    if ups == 0 or downs == 0:
        return 0.5
    return float((rankdata(x)[is_up].sum() - ups * (ups + 1) / 2.0) / (ups * downs))


def decided(p: Floats, theta: float) -> NDArray[np.int8]:
    """(rows,) of `Action`: BUY where p_buy - p_sell is above theta, SELL where it is below -theta."""
    lean = p[:, Action.BUY] - p[:, Action.SELL]
    return np.where(lean > theta, Action.BUY, np.where(lean < -theta, Action.SELL, Action.HOLD)).astype(np.int8)


def votes(p: Floats, theta: float) -> Floats:
    """(rows,) in [-1, 1]: p_buy - p_sell of what is decided to be bought or sold, 0 of a HOLD."""
    return np.where(decided(p, theta) == Action.HOLD, 0.0, p[:, Action.BUY] - p[:, Action.SELL])
