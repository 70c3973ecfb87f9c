"""Change the stop or the target of an open position."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from bots.models import Position, User
from bots.operations.close_position import open_position, plain
from bots.operations.refusals import Refused
from bots.operations.speak import audit, nudge_engines
from bots.trading.vocabulary import Side

EDITABLE = ("stop_price", "target_price")


class CannotEditPosition(Refused):
    """The position is closed, or does not exist."""


@transaction.atomic
def edit_position(
    *, position_id: int, changes: dict[str, Decimal | None], actor: User | None, now: datetime
) -> Position:
    """Set `stop_price` or `target_price` (None: no target); the engine goes by them within a second.

    A trailing stop goes on from there: it tightens with the next best price. Raises CannotEditPosition, and ValidationError
    naming each field: a long's stop lies below the market and its target above, a short's the other way round.
    """
    position = open_position(position_id)
    if position is None:
        raise CannotEditPosition(f"Position {position_id} is not open.")
    if unknown := changes.keys() - set(EDITABLE):
        raise ValidationError({name: [f"Only {' and '.join(EDITABLE)} can be changed."] for name in sorted(unknown)})
    if wrong := wrong_side(position, changes):
        raise ValidationError(wrong)
    before: dict[str, Any] = {name: getattr(position, name) for name in changes}
    if any(before[name] != value for name, value in changes.items()):
        for name, value in changes.items():
            setattr(position, name, value)
        position.revision += 1
        position.save(update_fields=(*changes, "revision"))
        audit(
            actor=actor,
            action="position.edit",
            target=f"position:{position.pk}",
            at=now,
            bot_id=position.bot_id,
            **{name: [_shown(before[name]), _shown(value)] for name, value in changes.items()},
        )
    nudge_engines(f"bot:{position.bot_id}")
    return position


def wrong_side(position: Position, changes: dict[str, Decimal | None]) -> dict[str, list[str]]:
    """What is wrong with the prices, by field: each would close the position at once, or never can."""
    sign, market = Side(position.side).sign, position.mark_price or position.entry_price
    below, above = ("below", "above") if sign > 0 else ("above", "below")
    found: dict[str, list[str]] = {}
    stop, target = changes.get("stop_price"), changes.get("target_price")
    if "stop_price" in changes:
        if stop is None:
            found["stop_price"] = ["A position always has a stop: give its price."]
        elif stop <= 0 or sign * (market - stop) <= 0:
            found["stop_price"] = [f"Must be {below} the market at {plain(market)}, and above 0."]
    if target is not None and (target <= 0 or sign * (target - market) <= 0):
        found["target_price"] = [f"Must be {above} the market at {plain(market)}, and above 0."]
    return found


def _shown(price: Decimal | None) -> str | None:
    return None if price is None else plain(price)
