"""Population stability: how far values have moved from those that a model learned from.

PSI = Σ (now - then)·ln(now/then) over bins of equal share. Above .2 is commonly called a shift that matters.
"""

import math
from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quant.learning.artefact import Artefact, Reference

Floats = NDArray[np.float64]

BINS = 10
LIMIT = 0.2
# Events, of the last so many bars.
MIN_ROWS = 500
DRIFT_BARS = 10_000
_LEAST = 1e-4


class Drift(Struct, frozen=True, kw_only=True):
    """`predictions` is the PSI of p_buy - p_sell, `features` the mean PSI of the features by their importance.

    `worst` are the features that moved most, of those that the model uses.
    """

    rows: int
    predictions: float
    features: float
    worst: dict[str, float]

    @property
    def value(self) -> float:
        return max(self.predictions, self.features)


def reference_of(x: Floats) -> Reference:
    """Bins of equal share; missing values have one of their own."""
    there = x[np.isfinite(x)]
    edges = np.unique(np.quantile(there, np.arange(1, BINS) / BINS)) if len(there) else np.empty(0)
    return Reference(edges=edges.tolist(), shares=_shares(x, edges).tolist())


def psi(reference: Reference, x: Floats) -> float:
    """(rows,) against the reference. Raises ValueError where there is no row."""
    if len(x) == 0:
        raise ValueError("no rows to compare")
    then = np.maximum(np.array(reference.shares), _LEAST)
    now = np.maximum(_shares(x, np.array(reference.edges)), _LEAST)
    return float(((now - then) * np.log(now / then)).sum())


def drift_of(artefact: Artefact, x: Floats, lean: Floats) -> Drift:
    """x: (rows, features) of late; lean: (rows,) of p_buy - p_sell on them."""
    moved: dict[str, float] = {name: psi(artefact.reference[name], x[:, i]) for i, name in enumerate(artefact.features)}
    used = {name: share for name, share in artefact.importance.items() if share > 0.0}
    worst = sorted((name for name in used), key=lambda name: -moved[name])[:5]
    return Drift(
        rows=len(x),
        predictions=psi(artefact.lean, lean),
        features=_weighted(moved, used),
        worst={name: moved[name] for name in worst},
    )


def _weighted(values: Mapping[str, float], weights: Mapping[str, float]) -> float:
    total = math.fsum(weights.values())
    return math.fsum(values[name] * weight for name, weight in weights.items()) / total if total > 0.0 else 0.0


def _shares(x: Floats, edges: Floats) -> Floats:
    there = np.isfinite(x)
    counts = np.bincount(np.searchsorted(edges, x[there], side="right"), minlength=len(edges) + 1)
    return np.append(counts, len(x) - int(there.sum())) / len(x)
