"""A window of samples and prices as arrays on a grid of minutes, NaN where a minute is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from quant.evidence.coefficient import Mask
from quant.vector import Floats

MINUTE_S = 60
HORIZONS_S = (60, 300, 900, 3600, 14_400, 86_400)
# More overlapping moments in one horizon say little that is new, and cost as much again.
MOMENTS_A_HORIZON = 6
REGIMES = ("trend", "range", "neutral", "calm", "volatile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Arrays are (minutes,). mid and close in quote, the latter of the bar that ends in that minute.

    `values` and `qualities` are by column, e.g. "technical 1m"; `regimes` are masks by name; `predictions` are what
    each version of a model said.
    """

    start_ns: int
    end_ns: int
    mid: Floats
    close: Floats
    combined: Floats
    values: Mapping[str, Floats]
    qualities: Mapping[str, Floats]
    regimes: Mapping[str, Mask]
    predictions: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """How a horizon is looked at: every `step` minutes, `overlap` of these to one horizon."""

    seconds: int
    minutes: int
    step: int
    overlap: int


def horizon_of(seconds: int) -> Horizon:
    """Raises ValueError for what is not whole minutes."""
    if seconds < MINUTE_S or seconds % MINUTE_S:
        raise ValueError(f"a horizon of {seconds} s: must be whole minutes")
    minutes = seconds // MINUTE_S
    step = max(1, minutes // MOMENTS_A_HORIZON)
    return Horizon(seconds=seconds, minutes=minutes, step=step, overlap=-(-minutes // step))


def forward_returns(mid: Floats, close: Floats, minutes: int) -> Floats:
    """(minutes,): ln of the price `minutes` later over the middle now.

    The price later is the middle then, or the bar's close where no sample was taken. The price now is never a close:
    a signal is read a moment after its bar has ended, and would seem to know what followed.
    """
    later = np.full(len(mid), np.nan)
    if minutes < len(mid):
        end = np.where(np.isfinite(mid), mid, close)[minutes:]
        later[: len(mid) - minutes] = end
    sound = np.isfinite(mid) & np.isfinite(later) & (mid > 0.0) & (later > 0.0)
    returns = np.full(len(mid), np.nan)
    returns[sound] = np.log(later[sound] / mid[sound])
    return returns
