"""Signals into one number a bot: weighted mean, coverage, diversification, confidence, for all bots at once.

    C = Σ wq   S = Σ wqs / C   DM = min(2.5, 1/√(ŵᵀρŵ))   F = clip(20·DM·S, ±20)   confidence = |F|/20 · C

Weights w count over the columns that exist for the instrument, q is quality after ageing, ŵ ∝ wq.
Source: Carver, Systematic Trading, ch. 8 (forecast diversification multiplier).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from marketdata.events import Timeframe
from quant.reading import Component
from quant.vector import Column, Floats, SignalVector

MAX_MULTIPLIER = 2.5
MAX_FORECAST = 20.0

DEFAULT_WEIGHTS: Mapping[Component, float] = MappingProxyType(
    {
        Component.TECHNICAL: 0.40,
        Component.SPEED: 0.15,
        Component.MICROSTRUCTURE: 0.15,
        Component.OPEN_INTEREST: 0.10,
        Component.OPTIONS_FLOW: 0.10,
        Component.SENTIMENT: 0.05,
        Component.VOLATILITY: 0.05,
        Component.MODEL: 0.0,
        Component.POLICY: 0.0,
    }
)


def weight_row(
    columns: tuple[Column, ...],
    *,
    component_weights: Mapping[Component, float] = DEFAULT_WEIGHTS,
    timeframe_weights: Mapping[Timeframe, float],
    strategy_weight_balance: float | None = None,
    traditional_weight: float = 0.5,
    quant_weight: float = 0.5,
    forming: bool,
    without: tuple[str, ...] = (),
) -> Floats:
    """One bot's weights, (columns,), adding up to 1.

    `traditional_weight` and `quant_weight` multiply the technical and the other components relative to each other:
    equal values leave the component weights as they are. `strategy_weight_balance` b in [0, 1] stands for b and 1 - b
    instead. Technical's share is divided by `timeframe_weights`, on closed bars or, if `forming`, on the forming ones.
    `without`: the strategies of technical that it leaves out; there must be columns of that variant.
    Raises ValueError for a weight that is negative or not finite, an unknown timeframe, or weights that are all zero.
    """
    if strategy_weight_balance is not None:
        if not 0.0 <= strategy_weight_balance <= 1.0:
            raise ValueError(f"strategy_weight_balance is {strategy_weight_balance}, must be from 0 to 1")
        traditional_weight, quant_weight = strategy_weight_balance, 1.0 - strategy_weight_balance
    given = [*component_weights.values(), *timeframe_weights.values(), traditional_weight, quant_weight]
    if any(not math.isfinite(weight) or weight < 0.0 for weight in given):
        raise ValueError(f"weights must be finite and not negative: {given}")
    frames = {c.timeframe for c in columns if c.component is Component.TECHNICAL}
    unknown = sorted(set(timeframe_weights) - {frame for frame in frames if frame is not None})
    if unknown:
        raise ValueError(f"no bars of {', '.join(unknown)} are followed: add the timeframe first")
    frame_sum = sum(timeframe_weights.values())
    row = np.zeros(len(columns))
    for i, column in enumerate(columns):
        weight = component_weights.get(column.component, 0.0)
        if column.component is not Component.TECHNICAL:
            row[i] = weight * quant_weight
        elif (
            column.timeframe is not None and (column.forming, column.without) == (forming, without) and frame_sum > 0.0
        ):
            row[i] = weight * traditional_weight * timeframe_weights.get(column.timeframe, 0.0) / frame_sum
    total = row.sum()
    if total <= 0.0:
        raise ValueError("all weights are zero: give at least one component a weight")
    return np.asarray(row / total, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blended:
    """What the blend says to each bot; arrays are (bots,).

    signal: S in [-1, 1], NaN where nothing is known. coverage: C in [0, 1]. multiplier: DM, also where it is not used.
    forecast: F in [-20, 20] and confidence in [0, 1], both 0 where nothing is known.
    """

    signal: Floats
    coverage: Floats
    multiplier: Floats
    forecast: Floats
    confidence: Floats
    _weights: Floats
    _quality: Floats

    def effective_weights_of(self, bot: int) -> Floats:
        """(columns,): the share each column had in a bot's S; they add up to 1, or are 0 where nothing is known."""
        share = self._weights[bot] * self._quality
        total = share.sum()
        return np.asarray(share / total if total > 0.0 else np.zeros_like(share), dtype=np.float64)


def blend(
    weights: Floats,
    vector: SignalVector,
    *,
    correlation: Floats | None = None,
    use_multiplier: NDArray[np.bool_] | bool = True,
) -> Blended:
    """Blend one instrument's signals for all its bots.

    weights: (bots, columns), not negative, fastest in Fortran order. correlation: (columns, columns) of the signals,
    floored at 0 by the caller; without one, columns of one component are taken as the same voice and different
    components as independent.
    use_multiplier: (bots,) or one for all. Raises ValueError when the shapes do not fit.
    """
    if weights.ndim != 2 or weights.shape[1] != len(vector.columns):
        raise ValueError(f"weights are {weights.shape}, must be (bots, {len(vector.columns)})")
    by_column = np.ascontiguousarray(weights.T)
    if len(weights) < 2:
        # One bot alone would be summed along its columns, and rounded otherwise than among others.
        by_column = np.repeat(by_column, 2, axis=1) if len(weights) else np.ones((len(vector.columns), 2))
    used, by = _factors(by_column, vector, correlation)
    by_column = by_column[used]
    # Not as a matrix product: BLAS rounds differently with the number of bots, and a bot's blend must not depend on how
    # many others there are. This adds column after column, for each bot in the same order.
    sums = np.einsum("kc,cb->kb", by, by_column)
    exist_sum, weight_sum, signal = sums[:3]
    if correlation is None:
        variance = _variance(by_column * by[1, :, None], vector.columns[used])
    else:
        variance = np.einsum("cb,cb->b", by_column, sums[3:])
    unknown = None if weight_sum[weight_sum.argmin()] > 0.0 else weight_sum <= 0.0
    if unknown is not None:
        variance[unknown] = 1.0
        exist_sum[exist_sum <= 0.0] = 1.0
        coverage = weight_sum / exist_sum
        weight_sum[unknown] = 1.0
        signal = signal / weight_sum
    else:
        coverage, signal = sums[1:3] / sums[:2]
    multiplier = np.sqrt(variance, out=variance)
    np.divide(weight_sum, multiplier, out=multiplier)
    np.minimum(MAX_MULTIPLIER, multiplier, out=multiplier)
    bots = len(weights)
    applied = multiplier[:bots] if use_multiplier is True else np.where(use_multiplier, multiplier[:bots], 1.0)
    strength = applied * signal[:bots]
    strength.clip(-1.0, 1.0, out=strength)
    confidence = np.abs(strength)
    confidence *= coverage[:bots]
    strength *= MAX_FORECAST
    if unknown is not None:
        signal[unknown] = np.nan
    return Blended(
        signal=signal[:bots],
        coverage=coverage[:bots],
        multiplier=multiplier[:bots],
        forecast=strength,
        confidence=confidence,
        _weights=weights,
        _quality=vector.quality,
    )


def _factors(by_column: Floats, vector: SignalVector, correlation: Floats | None) -> tuple[slice, Floats]:
    """The columns to go through: those left out at the ends are not there, or no bot weighs them, and would add zeros.

    Of these, (3, columns): 1 where a column exists, its quality, and quality times value; below, where there is a
    correlation, (columns, columns) of it times both qualities.
    """
    exists, qualities, values = vector.exists.tolist(), vector.quality.tolist(), vector.values.tolist()
    begin, end = 0, len(qualities)
    while end and not exists[end - 1] and not qualities[end - 1]:
        end -= 1
    while begin < end and not by_column[begin, 0] and not by_column[begin].any():
        begin += 1
    used = slice(begin, end)
    heard = qualities[used]
    factors = np.array(
        (
            [1.0 if exist or quality else 0.0 for exist, quality in zip(exists[used], heard, strict=True)],
            heard,
            [quality * value if quality else 0.0 for quality, value in zip(heard, values[used], strict=True)],
        )
    )
    if correlation is None:
        return used, factors
    quality = factors[1]
    return used, np.concatenate((factors, correlation[used, used] * quality * quality[:, None]))


def _variance(share: Floats, columns: tuple[Column, ...]) -> Floats:
    """(bots,): the variance of the weighted sum, for signals of variance 1, each component one voice.

    share: (columns, bots), used up.
    """
    first: dict[Component, int] = {}
    for i, column in enumerate(columns):
        voice = first.setdefault(column.component, i)
        if voice != i:
            share[voice] += share[i]
            share[i] = 0.0
    return np.asarray(np.einsum("cb,cb->b", share, share), dtype=np.float64)
