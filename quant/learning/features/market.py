"""Features of book, flow, open interest and options, read off the signals that measure them already."""

import math

from quant.reading import Component, Reading
from quant.vector import SignalVector

# Feature -> the component and the part of its reading.
_PARTS: dict[str, tuple[Component, str]] = {
    "book_imbalance": (Component.MICROSTRUCTURE, "book_imbalance"),
    "microprice_gap": (Component.MICROSTRUCTURE, "microprice"),
    "order_flow_10s": (Component.MICROSTRUCTURE, "order_flow"),
    "order_flow_60s": (Component.MICROSTRUCTURE, "order_flow_60s"),
    "trade_flow": (Component.MICROSTRUCTURE, "trade_flow"),
    "vpin": (Component.MICROSTRUCTURE, "vpin"),
    "impact_bps": (Component.MICROSTRUCTURE, "impact_bps"),
    "interest_change": (Component.OPEN_INTEREST, "interest_change"),
    "quadrant": (Component.OPEN_INTEREST, "quadrant"),
    "funding": (Component.OPEN_INTEREST, "funding_z"),
    "basis": (Component.OPEN_INTEREST, "basis"),
    "long_short": (Component.OPEN_INTEREST, "long_short"),
    "risk_reversal": (Component.OPTIONS_FLOW, "risk_reversal_25d"),
    "variance_premium": (Component.VOLATILITY, "variance_premium"),
}
MARKET_FEATURES: tuple[str, ...] = (*_PARTS, "spread_gap")


def market_features(vector: SignalVector) -> tuple[float, ...]:
    """Values in the order of `MARKET_FEATURES`; NaN where the market has no such thing, or it is too old to count.

    `spread_gap` is ln(spread/median of the last hour).
    """
    fresh: dict[Component, Reading] = {
        column.component: reading
        for column, reading, quality in zip(vector.columns, vector.readings, vector.quality.tolist(), strict=True)
        if column.timeframe is None and quality > 0.0
    }
    found = [_part(fresh.get(component), name) for component, name in _PARTS.values()]
    return (*found, _spread_gap(vector.spread_bps, vector.spread_median_bps))


def _part(reading: Reading | None, name: str) -> float:
    value = None if reading is None else reading.parts.get(name)
    return math.nan if value is None or not math.isfinite(value) else value


def _spread_gap(spread_bps: float | None, median_bps: float | None) -> float:
    if not spread_bps or not median_bps or spread_bps < 0.0 or median_bps < 0.0:
        return math.nan
    return math.log(spread_bps / median_bps)
