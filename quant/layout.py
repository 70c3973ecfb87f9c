"""The columns of a symbol's signals, in order, and how they age."""

from collections.abc import Iterable, Mapping

from marketdata.events import Timeframe
from quant.reading import BUILT_IN, LEARNED, Component
from quant.vector import Column, age_limits_s

Variant = tuple[str, ...]


def columns_of(timeframes: Iterable[Timeframe], variants: Iterable[Variant]) -> tuple[Column, ...]:
    """Technical of each timeframe, closed and forming, whole and in each variant; then the others, learned ones last."""
    less = ((), *variants)
    technical = [
        Column(component=Component.TECHNICAL, timeframe=timeframe, forming=forming, without=names)
        for timeframe in timeframes
        for forming in (False, True)
        for names in less
    ]
    others = [Column(component=component) for component in BUILT_IN if component is not Component.TECHNICAL]
    return (*technical, *others, *(Column(component=component) for component in LEARNED))


def ages_of(
    columns: Iterable[Column], base: Timeframe, learned: Mapping[Component, tuple[float, float]]
) -> tuple[tuple[float, float], ...]:
    """(maximum age, grace) of each column in seconds; learned components say their own."""
    return tuple(learned.get(column.component) or age_limits_s(column, base) for column in columns)
