"""Allow a bot to enter again after it was restricted, by a person or by a limit."""

from datetime import datetime

from bots.models import Bot, User
from bots.operations.clear_kill_switch import clear_kill_switch
from bots.operations.kill_switch import Scope


def clear_bot(*, bot_id: int, actor: User | None, now: datetime, reason: str = "") -> Bot:
    """Clear the bot's own restriction; drawdown and repeats are measured anew. Raises CannotRestrict, also without a reason."""
    clear_kill_switch(scope=Scope.BOT, target_id=bot_id, reason=reason, actor=actor, now=now)
    bot: Bot = Bot.objects.get(pk=bot_id)
    return bot
