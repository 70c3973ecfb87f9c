"""Start a bot."""

from datetime import datetime

from django.db import transaction

from bots.models import Bot, BotState, Session, User
from bots.operations.baseline import new_bot_baseline
from bots.operations.follow_symbols import follow_symbols
from bots.operations.refusals import Refused
from bots.operations.speak import audit, lock_bot, open_session, tell_bot_state


class CannotStart(Refused):
    """The bot runs already, or has nothing to trade."""


@transaction.atomic
def start_bot(*, bot_id: int, actor: User | None, now: datetime) -> Session:
    """Begin a session: an engine takes the bot up within seconds. Raises CannotStart, NoSuchBot."""
    bot = lock_bot(bot_id)
    if bot.is_active:
        raise CannotStart(f"{bot.name} is {bot.state} already.")
    refuse_unready(bot)
    left_over = open_session(bot)
    if left_over is not None:
        left_over.ended_at, left_over.end_reason = now, bot.state_reason or "ended by an error"
        left_over.save(update_fields=("ended_at", "end_reason"))
    session = Session.objects.create(bot=bot, started_at=now, started_by=actor)
    bot.state, bot.state_reason, bot.closing_since = BotState.RUNNING, "", None
    bot.save(update_fields=("state", "state_reason", "closing_since", "updated_at"))
    new_bot_baseline(bot, reason="started", now=now)
    follow_symbols(bot)
    audit(actor=actor, action="bot.start", target=f"bot:{bot.pk}", at=now)
    tell_bot_state(bot)
    return session


def refuse_unready(bot: Bot) -> None:
    """Raises CannotStart where the bot's watchlist cannot be traded on its account."""
    instruments = list(bot.instruments.select_related("exchange"))
    if not instruments:
        raise CannotStart(f"{bot.name} has no instruments: add at least one to its watchlist.")
    for instrument in instruments:
        if instrument.exchange_id != bot.account.exchange_id:
            raise CannotStart(f"{instrument} is not on {bot.account.exchange}, where account {bot.account.name} is.")
        if instrument.quote != bot.account.quote_asset:
            raise CannotStart(
                f"{instrument.symbol} is priced in {instrument.quote}, account {bot.account.name} in "
                f"{bot.account.quote_asset}: take it off the watchlist or use another account."
            )
        if not instrument.active:
            raise CannotStart(f"{instrument} is not traded any more: take it off the watchlist.")
