"""Maker or taker: what is seen at an entry as numbers, and what its execution was worth in basis points. Pure."""

import math
from collections.abc import Callable
from enum import StrEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quant.reading import clip

Floats = NDArray[np.float64]

MAX_REWARD_BPS = 200.0


class Arm(StrEnum):
    """A limit order that rests, or an order that takes what is there."""

    MAKER = "maker"
    TAKER = "taker"


ARMS = tuple(arm.value for arm in Arm)
FEATURES = ("constant", "spread", "volatility", "imbalance", "urgency")


class EntryContext(Struct, frozen=True, kw_only=True):
    """What was known at the decision, None where it was not.

    `side` is +1 for a purchase, -1 for a sale; `spread_bps` of the best quotes; `volatility` its percentile in [0, 1];
    `imbalance` of the book and `drift` (how fast the price moves) in [-1, 1], positive for rising prices.
    """

    side: int
    spread_bps: float | None
    volatility: float | None
    imbalance: float | None
    drift: float | None

    @property
    def missing(self) -> tuple[str, ...]:
        pairs = zip(FEATURES[1:], (self.spread_bps, self.volatility, self.imbalance, self.drift), strict=True)
        return tuple(name for name, value in pairs if value is None or not math.isfinite(value))


class Outcome(Struct, frozen=True, kw_only=True):
    """How an entry ended. Prices in quote; `filled` is a share of what was asked for; `fees` in quote.

    `arrival` is the price at the decision, `end` the one when it was over, which what was not filled is measured by.
    """

    side: int
    arrival: float
    quantity: float
    filled: float
    average: float | None
    end: float | None
    fees: float


class Cost(Struct, frozen=True, kw_only=True):
    """In basis points of what was asked for, positive where it cost."""

    shortfall_bps: float
    fee_bps: float

    @property
    def reward_bps(self) -> float:
        """What a bandit learns from; beyond ±200 it is cut off, so that no single outcome decides."""
        return clip(-(self.shortfall_bps + self.fee_bps), -MAX_REWARD_BPS, MAX_REWARD_BPS)


def context_of(entry: EntryContext) -> Floats:
    """(features,), each about -1 to 1 in the direction of the order; 0 where it is not known."""
    seen = {
        "spread": _or_zero(entry.spread_bps, lambda bps: clip(bps / 10.0, 0.0, 3.0)),
        "volatility": _or_zero(entry.volatility, lambda share: 2.0 * clip(share, 0.0, 1.0) - 1.0),
        "imbalance": _or_zero(entry.imbalance, lambda x: entry.side * clip(x, -1.0, 1.0)),
        "urgency": _or_zero(entry.drift, lambda x: entry.side * clip(x, -1.0, 1.0)),
    }
    return np.array([1.0, *(seen[name] for name in FEATURES[1:])])


def cost_of(outcome: Outcome) -> Cost:
    """Implementation shortfall (Perold 1988) and fees: what was filled by its price, what was not by the price missed.

    Raises ValueError where a price that it takes is missing.
    """
    filled = clip(outcome.filled, 0.0, 1.0)
    moved = 0.0
    for share, price in ((filled, outcome.average), (1.0 - filled, outcome.end)):
        if share > 0.0:
            if price is None:
                raise ValueError("no price is known for when the order was over")
            moved += share * outcome.side * (price - outcome.arrival) / outcome.arrival
    return Cost(shortfall_bps=moved * 1e4, fee_bps=outcome.fees / (outcome.arrival * outcome.quantity) * 1e4)


def _or_zero(value: float | None, scaled: Callable[[float], float]) -> float:
    return 0.0 if value is None or not math.isfinite(value) else scaled(value)
