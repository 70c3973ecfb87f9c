"""Allow trading again."""

from datetime import datetime

from django.db import transaction

from bots.models import User
from bots.operations.kill_switch import CannotRestrict, Restricted, Scope
from bots.trading.vocabulary import Ladder


@transaction.atomic
def clear_kill_switch(
    *, scope: Scope, reason: str, actor: User | None, now: datetime, target_id: int | None = None
) -> Ladder:
    """Set a ladder back to active, with a reason. Gives the step before. Raises CannotRestrict."""
    restricted = Restricted(scope, target_id)
    before = restricted.ladder
    if before is Ladder.ACTIVE:
        raise CannotRestrict(f"The {scope} is not restricted.")
    restricted.set(Ladder.ACTIVE, reason=reason, actor=actor, now=now)
    return before
