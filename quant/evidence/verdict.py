"""What may be said of coefficients, and when: of all that were looked at together, as many looks find something by luck."""

import math
from collections.abc import Sequence
from enum import StrEnum
from statistics import NormalDist

import numpy as np
from msgspec import Struct

from quant.evidence.coefficient import Coefficient

# Below it nothing survives costs: the effect that a verdict of none must have been able to see.
SMALLEST_IC = 0.02
LEVEL = 0.05
POWER = 0.8
# Of the verdicts that something was found, the share that may be luck.
FALSE_SHARE = 0.1
# Errors of fewer independent pairs are not to be trusted, however large the coefficient.
FEWEST = 100.0
_NORMAL = NormalDist()


class Verdict(StrEnum):
    INSUFFICIENT = "insufficient"
    SUPPORTS = "supports"
    CONTRADICTS = "contradicts"
    NOTHING = "nothing"


class Judged(Struct, frozen=True, kw_only=True):
    """`needed`: independent observations with which the smallest effect worth having would be seen."""

    verdict: Verdict
    needed: float


def needed_observations(ic: float = SMALLEST_IC) -> float:
    """((z_.975 + z_.8)/IC)²: with so many independent pairs, four of five coefficients that large are seen; .02: 19,622."""
    z = _NORMAL.inv_cdf(1.0 - LEVEL / 2.0) + _NORMAL.inv_cdf(POWER)
    return max(FEWEST, (z / max(abs(ic), SMALLEST_IC)) ** 2)


def judge(found: Sequence[Coefficient]) -> list[Judged]:
    """Of all coefficients that are looked at together, e.g. of one instrument.

    Whether a signal pointed the right way where it stands out among all of them (Benjamini and Hochberg 1995); where it
    does not, that there is nothing once an effect worth having would have been seen, and that it is too early before.
    """
    is_found = _stand_out([_p_value(one) for one in found])
    return [_judged(one, stands_out) for one, stands_out in zip(found, is_found, strict=True)]


def _judged(found: Coefficient, stands_out: bool) -> Judged:
    needed = needed_observations()
    if found.ic is None or found.n_eff is None:
        verdict = Verdict.INSUFFICIENT
    elif stands_out:
        verdict = Verdict.SUPPORTS if found.ic > 0.0 else Verdict.CONTRADICTS
    else:
        verdict = Verdict.NOTHING if found.n_eff >= needed else Verdict.INSUFFICIENT
    return Judged(verdict=verdict, needed=needed)


def _p_value(found: Coefficient) -> float | None:
    """Two-sided; None of what is too little to be judged."""
    if found.t is None or found.n_eff is None or found.n_eff < FEWEST:
        return None
    return math.erfc(abs(found.t) / math.sqrt(2.0))


def _stand_out(p_values: Sequence[float | None]) -> list[bool]:
    known = np.sort([p for p in p_values if p is not None])
    below = np.flatnonzero(known <= FALSE_SHARE * np.arange(1, len(known) + 1) / max(1, len(known)))
    limit = float(known[below[-1]]) if len(below) else -1.0
    return [p is not None and p <= limit for p in p_values]
