"""How far evidence would move a weight: the prior stays until much has been seen, and never counts less than half.

    w proportional to (1 - λ)·w₀ + λ·max(0, IC)/Σ max(0, IC)      λ = min(.5, n/10⁴)

IC is shrunk by n/(n + needed), n and needed as counts of independent observations. Each part has its own λ; what was not
seen keeps its prior.
"""

from collections.abc import Mapping

from msgspec import Struct

MAX_SHARE = 0.5
FULL_OBSERVATIONS = 10_000.0


class Seen(Struct, frozen=True, kw_only=True):
    """Of one signal: its coefficient, the independent observations behind it, and how many it needs."""

    ic: float
    n_eff: float
    needed: float


def drifted(prior: Mapping[str, float], seen: Mapping[str, Seen]) -> dict[str, float]:
    """The prior's weights as evidence would have them, adding up to 1; the prior's shares where nothing was seen.

    Raises ValueError for weights that are negative or all zero.
    """
    total = sum(prior.values())
    if total <= 0.0 or any(weight < 0.0 for weight in prior.values()):
        raise ValueError(f"weights must not be negative, and not all zero: {dict(prior)}")
    merits = {name: _merit(seen[name]) for name in prior if name in seen and prior[name] > 0.0}
    best = sum(merits.values())
    moved = {}
    for name, weight in prior.items():
        share = weight / total
        if name in merits:
            by = min(MAX_SHARE, seen[name].n_eff / FULL_OBSERVATIONS)
            share = (1.0 - by) * share + by * (merits[name] / best if best > 0.0 else 0.0)
        moved[name] = share
    whole = sum(moved.values())
    return {name: share / whole for name, share in moved.items()}


def _merit(seen: Seen) -> float:
    if seen.n_eff <= 0.0:
        return 0.0
    return max(0.0, seen.ic) * seen.n_eff / (seen.n_eff + seen.needed)
