"""Kyle's lambda: how far one unit of signed volume moves the mid. Source: Kyle (1985)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant.features.ew import time_decay

Floats = NDArray[np.float64]


class Impact(NamedTuple):
    """slope: quote for each unit of base. r2: the share of the mid's variance that it explains."""

    slope: float
    r2: float


def kyle_lambda(mids: Floats, signed: Floats, window: int) -> Floats:
    """Cov(Δmid, signed volume) / Var(signed volume) over the last `window` steps, (steps,); NaN where unknown.

    mids: (steps,). signed: (steps,), the volume that went with the move to this step's mid, minus for sellers.
    """
    mids, signed = np.asarray(mids, dtype=np.float64), np.asarray(signed, dtype=np.float64)
    slopes = np.full(len(mids), np.nan)
    moves = np.diff(mids)
    for i in range(window, len(mids)):
        x, y = signed[i - window + 1 : i + 1], moves[i - window : i]
        spread = x - x.mean()
        variance = float(spread @ spread)
        if variance > 0.0:
            slopes[i] = float(spread @ (y - y.mean())) / variance
    return slopes


class KyleLambda:
    """The same with weights that fade in time, O(1) a step."""

    __slots__ = ("_tau_s", "_weight", "_x", "_xx", "_xy", "_y", "_yy", "count")

    def __init__(self, tau_s: float) -> None:
        self._tau_s = tau_s
        self.count = 0
        self._weight = self._x = self._y = self._xx = self._xy = self._yy = 0.0

    def update(self, move: float, signed: float, elapsed_s: float) -> None:
        """Take a step: the mid's move, and the signed volume that went with it."""
        keep = time_decay(elapsed_s, self._tau_s)
        self.count += 1
        self._weight = self._weight * keep + 1.0
        dx, dy = signed - self._x, move - self._y
        self._x += dx / self._weight
        self._y += dy / self._weight
        self._xx = self._xx * keep + dx * (signed - self._x)
        self._xy = self._xy * keep + dx * (move - self._y)
        self._yy = self._yy * keep + dy * (move - self._y)

    @property
    def value(self) -> Impact | None:
        """None before ten steps, and where nothing was traded or nothing moved."""
        if self.count < 10 or self._xx <= 0.0 or self._yy <= 0.0:
            return None
        return Impact(self._xy / self._xx, min(1.0, self._xy * self._xy / (self._xx * self._yy)))
