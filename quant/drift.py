"""Weights that follow the evidence: w ∝ (1 - λ)·w₀ + λ·max(0, IC), with λ = min(.5, n/10⁴).

A bot's own weights stay the prior, and never lose more than half of their say. Coefficients are shrunk towards 0 by what
they would be by chance, and count relative to each other, since a good one is hundredths.
"""

from collections.abc import Mapping

from quant.reading import Component

MAX_SHARE = 0.5
FULL_OBSERVATIONS = 1e4
# The deviation of information coefficients between signals that are known to be worth something.
PRIOR_DEVIATION = 0.03


def shrunk_ic(ic: float, n_effective: float) -> float:
    """The coefficient as it is most likely, given its error 1/√n and that coefficients are about .03 from 0."""
    if n_effective <= 0.0:
        return 0.0
    return ic * n_effective / (n_effective + 1.0 / PRIOR_DEVIATION**2)


def drifted_weights(
    prior: Mapping[Component, float], ics: Mapping[Component, float], *, n_effective: float
) -> dict[Component, float]:
    """Weights that add up to what the prior's did. ics: shrunk; a component without one keeps its weight.

    A weight of 0 is a component that is switched off, and stays 0. Without any positive coefficient nothing moves.
    """
    judged = [component for component, weight in prior.items() if weight > 0.0 and component in ics]
    gains = {component: max(0.0, ics[component]) for component in judged}
    total_gain, total = sum(gains.values()), sum(prior[component] for component in judged)
    if total_gain <= 0.0 or n_effective <= 0.0:
        return dict(prior)
    share = min(MAX_SHARE, n_effective / FULL_OBSERVATIONS)
    return {
        component: (1.0 - share) * weight + share * total * gains[component] / total_gain
        if component in gains
        else weight
        for component, weight in prior.items()
    }
