"""Ask for a position to be closed."""

from datetime import datetime

from django.db import transaction

from bots.models import Position, User
from bots.operations.refusals import Refused
from bots.operations.speak import audit, nudge_engines


class CannotClose(Refused):
    """The position is closed, or does not exist."""


@transaction.atomic
def close_position(*, position_id: int, actor: User | None, now: datetime) -> Position:
    """Request an exit: the engine that owns the bot sends it through the gate, or the monitor where none does.

    Asking again changes nothing. Raises CannotClose.
    """
    position = Position.objects.select_for_update(of=("self",), no_key=True).filter(pk=position_id).first()
    if position is None or position.closed_at is not None:
        raise CannotClose(f"Position {position_id} is not open.")
    if position.close_requested_at is None:
        position.close_requested_at = now
        position.save(update_fields=("close_requested_at",))
        audit(actor=actor, action="position.close", target=f"position:{position.pk}", at=now, bot_id=position.bot_id)
    nudge_engines(f"bot:{position.bot_id}")
    found: Position = position
    return found
