"""Stop a bot."""

from datetime import datetime

from django.db import transaction

from bots.models import Bot, BotState, Position, User
from bots.operations.follow_symbols import follow_symbols
from bots.operations.refusals import Refused
from bots.operations.speak import audit, lock_bot, open_session, tell_bot_state


class CannotStop(Refused):
    """The bot is stopped already."""


@transaction.atomic
def stop_bot(*, bot_id: int, actor: User | None, now: datetime, reason: str = "", close_positions: bool = False) -> Bot:
    """End the session. Positions that stay open keep their stops, and an engine keeps watching them.

    close_positions: ask for all of them to be closed, and for what orders on their way may still fill. Raises CannotStop, NoSuchBot.
    """
    bot = lock_bot(bot_id)
    if bot.state == BotState.STOPPED:
        raise CannotStop(f"{bot.name} is stopped already.")
    session = open_session(bot)
    if session is not None:
        session.ended_at, session.end_reason = now, (reason or "stopped")[:300]
        session.save(update_fields=("ended_at", "end_reason"))
    bot.state, bot.state_reason = BotState.STOPPED, reason[:300]
    bot.closing_since = now if close_positions else None
    bot.save(update_fields=("state", "state_reason", "closing_since", "updated_at"))
    held = Position.objects.filter(bot=bot, closed_at=None)
    if close_positions:
        held.filter(close_requested_at=None).update(close_requested_at=now)
        held.update(close_to=0)
    follow_symbols(bot)
    audit(
        actor=actor, action="bot.stop", target=f"bot:{bot.pk}", at=now, reason=reason, close_positions=close_positions
    )
    tell_bot_state(bot)
    return bot
