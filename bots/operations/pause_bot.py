"""Pause a bot: no entries, exits go on."""

from datetime import datetime

from django.db import transaction

from bots.models import Bot, BotState, User
from bots.operations.refusals import Refused
from bots.operations.speak import audit, lock_bot, tell_bot_state


class CannotPause(Refused):
    """The bot does not run."""


@transaction.atomic
def pause_bot(*, bot_id: int, actor: User | None, now: datetime, reason: str = "") -> Bot:
    """Stop entries; open positions keep their stops. Raises CannotPause, NoSuchBot."""
    bot = lock_bot(bot_id)
    if bot.state != BotState.RUNNING:
        raise CannotPause(f"{bot.name} is {bot.state}: only a running bot can be paused.")
    bot.state, bot.state_reason = BotState.PAUSED, reason[:300]
    bot.save(update_fields=("state", "state_reason", "updated_at"))
    audit(actor=actor, action="bot.pause", target=f"bot:{bot.pk}", at=now, reason=reason)
    tell_bot_state(bot)
    return bot
