"""Blends over a whole window: the same weighted mean as `quant.blend`, for other weights than those that traded."""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from marketdata.events import TIMEFRAME_SECONDS, Timeframe
from quant.blend import DEFAULT_WEIGHTS, weight_row
from quant.evidence.grid import Window
from quant.reading import Component
from quant.vector import Column, Floats


class BlendSpec(Struct, frozen=True, kw_only=True):
    """A bot's weights, as `quant.blend.weight_row` takes them."""

    bot_id: int
    exchange: str
    symbol: str
    component_weights: Mapping[Component, float] = DEFAULT_WEIGHTS
    timeframe_weights: Mapping[Timeframe, float]
    strategy_weight_balance: float | None = None
    traditional_weight: float = 0.5
    quant_weight: float = 0.5
    forming: bool = False
    without: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"bot:{self.bot_id}"


def column_of(name: str) -> Column | None:
    """The column of a stored name; None for one that is not known any more."""
    plain, _, less = name.partition(" without ")
    component, _, rest = plain.partition(" ")
    frame, _, forming = rest.partition(" ")
    if component not in set(Component) or forming not in ("", "forming"):
        return None
    without = tuple(less.split(", ")) if less else ()
    for timeframe in TIMEFRAME_SECONDS:
        if timeframe == frame:
            return Column(component=Component(component), timeframe=timeframe, forming=bool(forming), without=without)
    return None if frame else Column(component=Component(component))


def blend_of(window: Window, weights: Mapping[str, float]) -> Floats:
    """(minutes,): Σ wqs / Σ wq over the columns with a value, NaN where none has."""
    weighed = np.zeros(len(window.mid))
    total = np.zeros(len(window.mid))
    for name, weight in weights.items():
        value = window.values.get(name)
        if value is None or weight <= 0.0:
            continue
        share = np.where(np.isfinite(value), window.qualities[name], 0.0) * weight
        weighed += share * np.where(np.isfinite(value), value, 0.0)
        total += share
    blended = np.full(len(weighed), np.nan)
    np.divide(weighed, total, out=blended, where=total > 0.0)
    return blended


def weights_of(window: Window, spec: BlendSpec) -> dict[str, float]:
    """Weight by column. Timeframes that were never sampled have none. Raises ValueError when nothing is left."""
    columns = tuple(column for column in map(column_of, window.values) if column is not None)
    frames = {column.timeframe for column in columns}
    row = weight_row(
        columns,
        component_weights=spec.component_weights,
        timeframe_weights={frame: weight for frame, weight in spec.timeframe_weights.items() if frame in frames},
        strategy_weight_balance=spec.strategy_weight_balance,
        traditional_weight=spec.traditional_weight,
        quant_weight=spec.quant_weight,
        forming=spec.forming,
        without=spec.without,
    )
    return {column.name: float(weight) for column, weight in zip(columns, row, strict=True)}


def default_weights(window: Window) -> dict[str, float]:
    """The default weights with technical on its shortest timeframe, the base of `combined`. Empty without columns."""
    columns = [column for column in map(column_of, window.values) if column is not None]
    frames = [column.timeframe for column in columns if column.timeframe is not None]
    base = min(frames, key=TIMEFRAME_SECONDS.__getitem__, default=None)
    return {
        column.name: DEFAULT_WEIGHTS.get(column.component, 0.0)
        for column in columns
        if not column.forming and not column.without and column.timeframe in (None, base)
    }
