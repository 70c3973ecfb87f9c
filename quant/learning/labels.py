"""Events worth a label, and their labels. Source: López de Prado, Advances in Financial Machine Learning, ch. 2-4.

Times are nanoseconds; a label's span is from the close of its bar to the close of the bar that decided it.
"""

from enum import IntEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quant.features.bars import MAX_GAP_BARS
from quant.learning.history import BarHistory

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


class Action(IntEnum):
    """The classes of a model."""

    SELL = 0
    HOLD = 1
    BUY = 2


class LabelParams(Struct, frozen=True, kw_only=True):
    """Barriers at ±`width`·sigma·√`horizon_bars`, and a vertical one after `horizon_bars`.

    `cost_bps` is a round trip's; a barrier must be more than `cost_multiple` of it. An event begins where the sum of
    moves since the last one passes `cusum_sigmas` deviations of a bar.
    """

    horizon_bars: int
    cost_bps: float
    width: float = 1.5
    cost_multiple: float = 2.0
    cusum_sigmas: float = 1.0


class Labels(Struct, frozen=True, kw_only=True):
    """(labels,) each, by time. `rows` are the places of their bars.

    `gain_buy` and `gain_sell` are log returns of buying and of selling until the first touch, before costs; where one
    bar touched both barriers, either is a loss and the class is HOLD.
    """

    rows: Places
    start_ns: Places
    end_ns: Places
    classes: NDArray[np.int8]
    gain_buy: Floats
    gain_sell: Floats
    barrier: Floats
    # Mean share of an event in the bars of its span.
    uniqueness: Floats

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, chosen: NDArray[np.bool_] | Places) -> "Labels":
        return Labels(**{name: getattr(self, name)[chosen] for name in self.__struct_fields__})


def cusum_events(close: Floats, sigma: Floats, sigmas: float) -> Places:
    """Places where the symmetric filter of log returns passes `sigmas`·sigma; (bars,) each, sigma NaN in warm-up."""
    moves = np.diff(np.log(close), prepend=np.log(close[:1])).tolist()
    up = down = 0.0
    found = []
    for i, (move, deviation) in enumerate(zip(moves, sigma.tolist(), strict=True)):
        if not deviation > 0.0:
            up = down = 0.0
            continue
        up, down = max(0.0, up + move), min(0.0, down + move)
        if max(up, -down) > sigmas * deviation:
            found.append(i)
            up = down = 0.0
    return np.array(found, dtype=np.int64)


def triple_barrier(
    bars: BarHistory, sigma: Floats, events: Places, params: LabelParams, *, length_ns: int, entry: Floats | None = None
) -> Labels:
    """Label events by what is touched first.

    sigma: (bars,), deviation of a bar's log return as known at its close. entry: (bars,), the price when the features
    were there, the close where it is None. Left out are events whose horizon is not all
    there, or spans a hole that signals do not bridge, and those with barriers too near for the cost.
    """
    horizon = params.horizon_bars
    barrier = params.width * sigma * np.sqrt(horizon)
    wide = barrier > params.cost_multiple * params.cost_bps / 1e4
    events = events[events + horizon < len(bars)]
    span = bars.ts_open[events + horizon] - bars.ts_open[events]
    events = events[wide[events] & (span <= (horizon + MAX_GAP_BARS) * length_ns)]
    begin = (bars.close if entry is None else entry)[events]
    top, low = begin * np.exp(barrier[events]), begin * np.exp(-barrier[events])
    ends = events + horizon
    classes = np.full(len(events), Action.HOLD, dtype=np.int8)
    gain_buy = np.log(bars.close[ends] / begin)
    gain_sell = -gain_buy
    is_open = np.ones(len(events), dtype=np.bool_)
    for step in range(1, horizon + 1):
        at = events + step
        hits_top, hits_low = is_open & (bars.high[at] >= top), is_open & (bars.low[at] <= low)
        both, either = hits_top & hits_low, hits_top | hits_low
        classes[hits_top & ~both], classes[hits_low & ~both] = Action.BUY, Action.SELL
        reach = barrier[events]
        gain_buy = np.where(either, np.where(hits_low, -reach, reach), gain_buy)
        gain_sell = np.where(either, np.where(hits_top, -reach, reach), gain_sell)
        ends = np.where(either, at, ends)
        is_open &= ~either
    return Labels(
        rows=events,
        start_ns=bars.ts_open[events] + length_ns,
        end_ns=bars.ts_open[ends] + length_ns,
        classes=classes,
        gain_buy=gain_buy,
        gain_sell=gain_sell,
        barrier=barrier[events],
        uniqueness=average_uniqueness(events, ends, len(bars)),
    )


def average_uniqueness(begins: Places, ends: Places, n_bars: int) -> Floats:
    """(labels,) in (0, 1]: the mean of 1/(labels alive) over the bars after `begins` up to `ends`, both places of bars."""
    alive = np.zeros(n_bars + 1)
    np.add.at(alive, begins + 1, 1.0)
    np.add.at(alive, ends + 1, -1.0)
    count = np.cumsum(alive)[:n_bars]
    share = np.concatenate(([0.0], np.cumsum(np.where(count > 0.0, 1.0 / np.maximum(count, 1.0), 0.0))))
    return np.asarray((share[ends + 1] - share[begins + 1]) / (ends - begins), dtype=np.float64)
