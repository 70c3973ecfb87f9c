"""Start a bot."""

from datetime import datetime

from django.db import transaction

from bots.models import Bot, BotState, Mode, PreflightRun, Session, User
from bots.operations.baseline import new_bot_baseline
from bots.operations.follow_symbols import follow_symbols
from bots.operations.refusals import Refused
from bots.operations.speak import audit, lock_bot, open_session, tell_bot_state
from bots.preflight.run import run_preflight


class CannotStart(Refused):
    """The bot runs already, or has nothing to trade."""


def start_bot(*, bot_id: int, actor: User | None, now: datetime) -> Session:
    """Begin a session: an engine takes the bot up within seconds. Raises CannotStart, NoSuchBot.

    A bot on a sandbox or live account passes its pre-flight first, which speaks to the venue for seconds. That is kept
    also where it refuses, unless a transaction of the caller's is rolled back.
    """
    looked_at = look_before(bot_id, actor=actor, now=now)
    return _begin(bot_id, looked_at, actor=actor, now=now)


def look_before(bot_id: int, *, actor: User | None, now: datetime) -> PreflightRun | None:
    """The pre-flight of a bot that is about to start; None on paper. Raises CannotStart with what failed, NoSuchBot."""
    bot = Bot.objects.select_related("account__exchange").filter(pk=bot_id).first()
    if bot is None or bot.account.mode == Mode.PAPER:
        return None
    refuse_active(bot)
    refuse_unready(bot)
    run = run_preflight(bot=bot, actor=actor, now=now)
    if not run.passed:
        why = "; ".join(f"{found['name']}: {found['seen']}" for found in run.failures)
        raise CannotStart(f"{bot.name} may not trade on {bot.account.name} yet. {why}.")
    return run


@transaction.atomic
def _begin(bot_id: int, looked_at: PreflightRun | None, *, actor: User | None, now: datetime) -> Session:
    bot = lock_bot(bot_id)
    refuse_active(bot)
    refuse_unready(bot)
    refuse_unexamined(bot, looked_at)
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


def refuse_active(bot: Bot) -> None:
    """Raises CannotStart."""
    if bot.is_active:
        raise CannotStart(f"{bot.name} is {bot.state} already.")


def refuse_unexamined(bot: Bot, looked_at: PreflightRun | None) -> None:
    """Raises CannotStart where the bot trades at a venue, and is not as it was when it was looked at."""
    if bot.account.mode == Mode.PAPER:
        return
    if looked_at is None or not looked_at.is_about(bot):
        raise CannotStart(f"{bot.name} was changed while it was looked at: start it again.")


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
