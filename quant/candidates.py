"""Signals that are only watched: sampled beside the others so that evidence weighs them, and heard by no bot.

+norm(z) of the variance risk premium (Bollerslev, Tauchen & Zhou 2009; of Bitcoin the sign was found the other way), and
-rank of realised volatility across the assets that are followed (Lee & Wang 2024), which norm leaves as it is.
"""

from collections.abc import Mapping

from quant.reading import Component
from quant.vector import SignalVector

PREFIX = "candidate "
VARIANCE_PREMIUM = f"{PREFIX}variance premium"
VOLATILITY_RANK = f"{PREFIX}volatility rank"

# Of fewer assets, or from longer ago, a rank says nothing.
MIN_ASSETS = 5
MAX_AGE_NS = 120_000_000_000


class Candidates:
    """Vectors of all symbols in, at about the same time; the candidates of each out."""

    def __init__(self) -> None:
        self._sigmas: dict[str, tuple[int, float]] = {}

    def of(self, vector: SignalVector) -> Mapping[str, float | None]:
        """By name, in [-1, 1]; None where there is none."""
        parts = next(
            (
                reading.parts
                for column, reading in zip(vector.columns, vector.readings, strict=True)
                if column.component is Component.VOLATILITY
            ),
            {},
        )
        return {VARIANCE_PREMIUM: parts.get("variance_premium_tilt"), VOLATILITY_RANK: self._rank(vector)}

    def _rank(self, vector: SignalVector) -> float | None:
        """1 for the calmest asset, -1 for the wildest."""
        asset = vector.symbol.partition("/")[0]
        if vector.sigma_annual is None:
            self._sigmas.pop(asset, None)
            return None
        self._sigmas[asset] = (vector.now_ns, vector.sigma_annual)
        known = [sigma for at, sigma in self._sigmas.values() if vector.now_ns - at <= MAX_AGE_NS]
        if len(known) < MIN_ASSETS:
            return None
        below = sum(sigma < vector.sigma_annual for sigma in known)
        equal = sum(sigma == vector.sigma_annual for sigma in known) - 1
        return 1.0 - 2.0 * (below + equal / 2.0) / (len(known) - 1)
