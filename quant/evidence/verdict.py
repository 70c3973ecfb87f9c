"""What may be said of a coefficient, and when."""

from enum import StrEnum

from msgspec import Struct

from quant.evidence.coefficient import Coefficient

T_NEEDED = 2.0
# Below it nothing survives costs; an effect that size would have been seen with the observations it needs.
SMALLEST_IC = 0.02
# Errors of fewer independent pairs are not to be trusted, however large the coefficient.
FEWEST = 100.0


class Verdict(StrEnum):
    INSUFFICIENT = "insufficient"
    SUPPORTS = "supports"
    CONTRADICTS = "contradicts"
    NOTHING = "nothing"


class Judged(Struct, frozen=True, kw_only=True):
    """`needed`: independent observations after which something can be said of a coefficient like this one."""

    verdict: Verdict
    needed: float


def needed_observations(ic: float) -> float:
    """(2/IC)²: how many independent pairs make a coefficient this large two errors wide; .03 needs about 4,400."""
    return max(FEWEST, (T_NEEDED / max(abs(ic), SMALLEST_IC)) ** 2)


def judge(found: Coefficient) -> Judged:
    """Insufficient until enough has been seen; then whether the signal pointed the right way, or nowhere."""
    if found.ic is None or found.n_eff is None:
        return Judged(verdict=Verdict.INSUFFICIENT, needed=needed_observations(0.0))
    needed = needed_observations(found.ic)
    if found.n_eff < needed:
        verdict = Verdict.INSUFFICIENT
    elif abs(found.ic) < SMALLEST_IC and found.n_eff < (T_NEEDED / max(abs(found.ic), 1e-9)) ** 2:
        verdict = Verdict.NOTHING
    else:
        verdict = Verdict.SUPPORTS if found.ic > 0.0 else Verdict.CONTRADICTS
    return Judged(verdict=verdict, needed=needed)
