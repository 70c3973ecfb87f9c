"""What a position can be expected to earn over the decision horizon, against what it costs.

    expected = IC · sigma_H · z     needed = 1.5 · (fees + half spread + impact)

IC is the blend's information coefficient at the horizon, sigma_H the deviation of returns over it, z the forecast in
deviations: one of 10 is the mean absolute value √(2/π). Source: Grinold & Kahn, Active Portfolio Management, ch. 6.
"""

import math

from msgspec import Struct

HORIZON_S = 3600.0
SAFETY = 1.5
AVERAGE_FORECAST = 10.0
_AVERAGE_Z = math.sqrt(2.0 / math.pi)


class Evidence(Struct, frozen=True, kw_only=True):
    """What is known of the blend's information coefficient; `is_significant` at the level the evidence is judged by."""

    ic: float
    is_significant: bool


class Costs(Struct, frozen=True, kw_only=True):
    """Basis points of the price. fees_bps: for getting in and out together. impact_bps: of the size that is meant."""

    fees_bps: float
    half_spread_bps: float
    impact_bps: float = 0.0

    @property
    def total_bps(self) -> float:
        return self.fees_bps + self.half_spread_bps + self.impact_bps


class Edge(Struct, frozen=True, kw_only=True):
    """`expected_bps` is None where it is unknown, for the reason given."""

    expected_bps: float | None
    cost_bps: float
    is_significant: bool = False
    reason: str = ""

    @property
    def needed_bps(self) -> float:
        return SAFETY * self.cost_bps


def edge_of(
    evidence: Evidence | None,
    *,
    forecast: float,
    sigma_per_sqrt_s: float | None,
    costs: Costs,
    horizon_s: float = HORIZON_S,
) -> Edge:
    """The edge of a forecast in [-20, 20], whichever side it is on; `sigma_per_sqrt_s` is of log returns."""
    if evidence is None:
        return Edge(expected_bps=None, cost_bps=costs.total_bps, reason="insufficient evidence")
    if sigma_per_sqrt_s is None:
        return Edge(expected_bps=None, cost_bps=costs.total_bps, reason="volatility is not known yet")
    sigma_bps = sigma_per_sqrt_s * math.sqrt(horizon_s) * 1e4
    z = abs(forecast) / AVERAGE_FORECAST * _AVERAGE_Z
    return Edge(
        expected_bps=evidence.ic * sigma_bps * z, cost_bps=costs.total_bps, is_significant=evidence.is_significant
    )
