"""Restrict trading."""

from datetime import datetime

from django.db import transaction

from bots.models import User
from bots.operations.kill_switch import CannotRestrict, Restricted, Scope
from bots.trading.vocabulary import Ladder


@transaction.atomic
def engage_kill_switch(
    *,
    scope: Scope,
    ladder: Ladder,
    reason: str,
    actor: User | None,
    now: datetime,
    target_id: int | None = None,
) -> Ladder:
    """Restrict an installation, account or bot (`target_id`). From this commit on no gate passes what it forbids.

    Latched: it survives restarts and is lifted only by `clear_kill_switch`. A laxer step than the present one is refused: that
    is clearing. Needs neither Redis nor web. Gives the step before. Raises CannotRestrict.
    """
    if ladder is Ladder.ACTIVE:
        raise CannotRestrict("Choose pause, reduce or flatten; to allow trading again, clear the kill switch.")
    restricted = Restricted(scope, target_id)
    before = restricted.ladder
    if ladder.rank < before.rank:
        raise CannotRestrict(f"The {scope} is at {before} already, which is stricter than {ladder}: clear it first.")
    restricted.set(ladder, reason=reason, actor=actor, now=now)
    return before
