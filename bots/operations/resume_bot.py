"""Resume a paused bot."""

from datetime import datetime

from django.db import transaction

from bots.models import Bot, BotState, User
from bots.operations.refusals import Refused
from bots.operations.speak import audit, lock_bot, tell_bot_state


class CannotResume(Refused):
    """The bot is not paused."""


@transaction.atomic
def resume_bot(*, bot_id: int, actor: User | None, now: datetime) -> Bot:
    """Allow entries again. Raises CannotResume, NoSuchBot."""
    bot = lock_bot(bot_id)
    if bot.state != BotState.PAUSED:
        raise CannotResume(f"{bot.name} is {bot.state}: only a paused bot can be resumed.")
    bot.state, bot.state_reason = BotState.RUNNING, ""
    bot.save(update_fields=("state", "state_reason", "updated_at"))
    audit(actor=actor, action="bot.resume", target=f"bot:{bot.pk}", at=now)
    tell_bot_state(bot)
    return bot
