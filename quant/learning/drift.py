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
# Of a single feature with at least this share of the importance: of dozens, one is farther off by chance than their mean.
SINGLE_LIMIT = 0.25
SINGLE_SHARE = 0.02
# Events, of the last so many bars.
MIN_ROWS = 500
DRIFT_BARS = 10_000
_LEAST = 1e-4


class Drift(Struct, frozen=True, kw_only=True):
    """`predictions` is the PSI of p_buy - p_sell, `features` the mean PSI of the features by their importance.

    `single` is the largest PSI of a feature that matters, less what chance gives one that moves as slowly. `worst` are the features that moved most, of those
    that the model uses.
    """

    rows: int
    predictions: float
    features: float
    single: float
    worst: dict[str, float]

    @property
    def value(self) -> float:
        return max(self.predictions, self.features)

    @property
    def is_shifted(self) -> bool:
        return is_shifted(self.value, self.single)


def is_shifted(value: float, single: float) -> bool:
    """Whether the market is another than the one that was learned from."""
    return value > LIMIT or single > SINGLE_LIMIT


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
        single=_single(artefact, x, moved, used),
        worst={name: moved[name] for name in worst},
    )


def _single(artefact: Artefact, x: Floats, moved: Mapping[str, float], used: Mapping[str, float]) -> float:
    matter = {name for name, share in _shares_of(used).items() if share > SINGLE_SHARE}
    places = ((i, name) for i, name in enumerate(artefact.features) if name in matter)
    return max((0.0, *(moved[name] - _by_chance(artefact.reference[name], x[:, i]) for i, name in places)))


def _by_chance(reference: Reference, x: Floats) -> float:
    """What PSI stays below as a rule where nothing moved: χ² of the bins over the independent rows, mean and two deviations.

    A return of 288 bars has few independent values in thousands of rows. How many: n(1 - r)/(1 + r), r of neighbours.
    """
    edges = np.array(reference.edges)
    place = np.where(np.isfinite(x), np.searchsorted(edges, x, side="right"), len(edges) + 1).astype(np.float64)
    place -= place.mean()
    spread = float((place * place).sum())
    rho = max(0.0, float((place[1:] * place[:-1]).sum()) / spread) if spread > 0.0 else 0.0
    independent = max(1.0, len(x) * (1.0 - rho) / (1.0 + rho))
    freedom = max(1, len(edges))
    return (freedom + 2.0 * math.sqrt(2.0 * freedom)) / independent


def _shares_of(weights: Mapping[str, float]) -> dict[str, float]:
    total = math.fsum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _weighted(values: Mapping[str, float], weights: Mapping[str, float]) -> float:
    total = math.fsum(weights.values())
    return math.fsum(values[name] * weight for name, weight in weights.items()) / total if total > 0.0 else 0.0


def _shares(x: Floats, edges: Floats) -> Floats:
    there = np.isfinite(x)
    counts = np.bincount(np.searchsorted(edges, x[there], side="right"), minlength=len(edges) + 1)
    return np.append(counts, len(x) - int(there.sum())) / len(x)
