"""Allow trading again."""

from datetime import datetime

from django.db import transaction
from django.db.models import DateTimeField, Func

from bots.models import Account, Bot, User
from bots.operations.baseline import new_account_baseline, new_bot_baseline
from bots.operations.kill_switch import CannotRestrict, Restricted, Scope
from bots.trading.vocabulary import Ladder


class ClockTimestamp(Func):
    """The database's clock at the moment, not at the transaction's start."""

    function = "clock_timestamp"
    arity = 0
    output_field = DateTimeField()


@transaction.atomic
def clear_kill_switch(
    *, scope: Scope, reason: str, actor: User | None, now: datetime, target_id: int | None = None
) -> Ladder:
    """Set a ladder back to active, with a reason. Gives the step before. Raises CannotRestrict.

    What the system restricted for would restrict again at once: drawdown is measured from the present equity on, and
    entries that were too many are counted from now. Both are said in the audit entry.
    """
    restricted = Restricted(scope, target_id)
    before = restricted.ladder
    if before is Ladder.ACTIVE:
        raise CannotRestrict(f"The {scope} is not restricted.")
    restricted.set(Ladder.ACTIVE, reason=reason, actor=actor, now=now, **_begin_anew(restricted, reason, now))
    return before


def _begin_anew(restricted: Restricted, reason: str, now: datetime) -> dict[str, str]:
    """New baselines; gives what the audit entry says of them."""
    row = restricted.row
    if isinstance(row, Bot):
        # By the database's clock, as the orders that are counted.
        Bot.objects.filter(pk=row.pk).update(cleared_at=ClockTimestamp())
        return {"drawdown_from": new_bot_baseline(row, reason=reason.strip(), now=now)}
    if isinstance(row, Account):
        return {"drawdown_from": new_account_baseline(row, now=now)}
    return {}
