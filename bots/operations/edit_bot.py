"""Change a bot's settings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from bots.models import Bot, Order, Position, User
from bots.operations.follow_symbols import follow_symbols
from bots.operations.refusals import Refused
from bots.operations.speak import audit, lock_bot, nudge_engines
from bots.operations.start_bot import refuse_unready
from marketdata.models import Instrument

NOT_SETTINGS = frozenset({"id", "owner", "state", "state_reason", "ladder", "ladder_reason", "version"})


class CannotEdit(Refused):
    """The change needs a stopped bot, or is not a setting."""


@transaction.atomic
def edit_bot(
    *,
    bot_id: int,
    changes: dict[str, Any],
    actor: User | None,
    now: datetime,
    instruments: Sequence[Instrument] | None = None,
) -> Bot:
    """Apply changes; a running bot takes them up with its next evaluation, a new watchlist within two seconds.

    Raises ValidationError naming each field out of range, CannotEdit, NoSuchBot.
    """
    bot = lock_bot(bot_id)
    refused = NOT_SETTINGS & set(changes)
    if refused:
        raise CannotEdit(f"{', '.join(sorted(refused))} cannot be edited.")
    if "account" in changes and changes["account"] != bot.account and (why := why_it_stays(bot)):
        raise CannotEdit(why)
    for name, value in changes.items():
        setattr(bot, name, value)
    bot.version += 1
    bot.full_clean()
    bot.save()
    if instruments is not None:
        bot.instruments.set(instruments)
    settings_changed(bot, actor=actor, now=now, fields=sorted(changes) + ["instruments"] * (instruments is not None))
    return bot


def why_it_stays(bot: Bot) -> str:
    """Why the bot cannot be moved to another account now; empty where it can. What it holds stays where it was bought."""
    if bot.is_active:
        return f"{bot.name} is {bot.state}: stop it before moving it to another account."
    if Position.objects.filter(bot=bot).open().exists():
        return f"{bot.name} holds open positions on its account: close them before moving it to another."
    if Order.objects.filter(bot=bot).live().exists():
        return f"{bot.name} has orders on its account that have not ended: wait for them, or cancel them."
    return ""


def settings_changed(bot: Bot, *, actor: User | None, now: datetime, fields: Sequence[str]) -> None:
    """What follows a saved change, from here or from the admin's form: subscriptions, audit, engines."""
    if bot.is_active:
        refuse_unready(bot)
    follow_symbols(bot)
    audit(actor=actor, action="bot.edit", target=f"bot:{bot.pk}", at=now, fields=list(fields), version=bot.version)
    nudge_engines(f"bot:{bot.pk}")
