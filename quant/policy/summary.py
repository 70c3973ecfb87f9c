"""What a policy in the shadow has shown so far, by what was measured; nothing estimated is added to it."""

import math

from django.db.models import Avg, Count, F, Q, QuerySet, StdDev
from msgspec import Struct

from quant.models.policy import PolicyChoice, PolicyState
from quant.policy.execution import Arm
from quant.policy.shadow import MIN_OUTCOMES


class Side(Struct, frozen=True, kw_only=True):
    """Measured rewards in basis points: of entries where the bot did what the policy would have done, or did not."""

    n: int
    mean_bps: float | None
    error_bps: float | None


class Summary(Struct, frozen=True, kw_only=True):
    """`agreed` and `differed` divide the outcomes of one arm that bots used."""

    used: Arm
    agreed: Side
    differed: Side

    @property
    def words(self) -> str:
        sides = (("the policy agreed", self.agreed), ("the policy would have done otherwise", self.differed))
        return f"{self.used}: " + "; ".join(f"{words}: {_said(side)}" for words, side in sides)


def summaries(policy: PolicyState) -> list[Summary]:
    """One for each arm that bots used and that has outcomes."""
    measured = PolicyChoice.objects.filter(policy=policy).exclude(reward_bps=None)
    found = []
    for arm in Arm:
        agreed, differed = (
            _side(measured.filter(same, used=arm)) for same in (Q(chosen=F("used")), ~Q(chosen=F("used")))
        )
        if agreed.n + differed.n:
            found.append(Summary(used=arm, agreed=agreed, differed=differed))
    return found


def _side(rows: QuerySet[PolicyChoice]) -> Side:
    found = rows.aggregate(n=Count("pk"), mean=Avg("reward_bps"), deviation=StdDev("reward_bps", sample=True))
    n, deviation = found["n"], found["deviation"]
    return Side(n=n, mean_bps=found["mean"], error_bps=None if deviation is None else deviation / math.sqrt(n))


def _said(side: Side) -> str:
    if side.mean_bps is None:
        return "no outcome"
    error = "" if side.error_bps is None else f" ± {1.96 * side.error_bps:.1f}"
    few = "" if side.n >= MIN_OUTCOMES else ", too few to tell"
    return f"{side.mean_bps:+.1f}{error} bp over {side.n}{few}"
