"""Ask for a position to be closed, or a part of it."""

from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction

from bots.models import Position, User
from bots.operations.refusals import Refused
from bots.operations.speak import audit, nudge_engines
from bots.trading.money import CONTEXT, ZERO, floor_to
from bots.trading.positions import smallest_order
from bots.trading.records import InstrumentRules
from marketdata.models import Instrument


class CannotClose(Refused):
    """The position is closed or being closed, or does not exist."""


@transaction.atomic
def close_position(
    *,
    position_id: int,
    actor: User | None,
    now: datetime,
    quantity: Decimal | None = None,
    fraction: Decimal | None = None,
) -> Position:
    """Request an exit: the engine that owns the bot sends it through the gate, or the monitor where none does.

    quantity, fraction: of what is held, at most one of them, rounded down to whole lots; neither: all. Asking again
    for all changes nothing; a part is asked for once at a time.
    Raises CannotClose, and ValidationError naming the argument.
    """
    position = open_position(position_id)
    if position is None:
        raise CannotClose(f"Position {position_id} is not open.")
    left = what_is_left(position, quantity=quantity, fraction=fraction)
    is_pending = position.close_requested_at is not None and position.quantity > position.close_to
    if is_pending and left > 0:
        raise CannotClose(
            f"Position {position_id} is being closed to {plain(position.close_to)} already: wait until it is."
        )
    if not is_pending or position.close_to > 0:
        position.close_requested_at, position.close_to = now, left
        position.save(update_fields=("close_requested_at", "close_to"))
        part = {"quantity": plain(position.quantity - left), "left": plain(left)} if left else {}
        audit(
            actor=actor,
            action="position.close",
            target=f"position:{position.pk}",
            at=now,
            bot_id=position.bot_id,
            **part,
        )
    nudge_engines(f"bot:{position.bot_id}")
    return position


def open_position(position_id: int) -> Position | None:
    """Locked until the transaction ends; None where there is none that is open."""
    found: Position | None = (
        Position.objects.select_for_update(of=("self",), no_key=True)
        .select_related("instrument__exchange")
        .filter(pk=position_id, closed_at=None)
        .first()
    )
    return found


def what_is_left(position: Position, *, quantity: Decimal | None, fraction: Decimal | None) -> Decimal:
    """What is to be held afterwards; 0 for all closed. Raises ValidationError naming the argument."""
    if quantity is not None and fraction is not None:
        raise ValidationError({"fraction": ["Give a quantity or a fraction, not both."]})
    held, rules = position.quantity, rules_of(position.instrument)
    if fraction is not None:
        name = "fraction"
        if not 0 < fraction <= 1:
            raise ValidationError({name: ["Allowed is more than 0, and at most 1."]})
        wanted = CONTEXT.multiply(held, fraction)
    elif quantity is not None:
        name = "quantity"
        if not 0 < quantity <= held:
            raise ValidationError({name: [f"Allowed is more than 0, and at most the {plain(held)} held."]})
        wanted = quantity
    else:
        return ZERO
    if wanted == held:
        return ZERO
    part = floor_to(wanted, rules.lot_size)
    least = smallest_order(rules, position.mark_price or position.entry_price)
    if part < least:
        raise ValidationError(
            {name: [f"{plain(part)} {rules.base} is less than the smallest order of {plain(least)} {rules.base}."]}
        )
    left = held - part
    if left < least:
        raise ValidationError(
            {
                name: [
                    f"{plain(left)} {rules.base} would be left, less than the smallest order of {plain(least)} "
                    f"{rules.base}, and could not be sold: close all of it."
                ]
            }
        )
    return left


def rules_of(instrument: Instrument) -> InstrumentRules:
    """The venue's rules; needs the instrument's exchange."""
    names = ("symbol", "base", "quote", "tick_size", "lot_size", "min_quantity", "max_quantity", "min_notional")
    values = {name: getattr(instrument, name) for name in names}
    return InstrumentRules(instrument_id=instrument.pk, exchange=instrument.exchange.code, **values)


def plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
