"""What operations do around their own work: lock, audit, and tell the world after the commit."""

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from bots.models import AuditEntry, Bot, Session, User
from bots.operations.refusals import Refused

CHANNEL = "bots_changed"


class NoSuchBot(Refused):
    """There is no bot with that number."""


def lock_bot(bot_id: int) -> Bot:
    """The bot, locked until the transaction ends. Raises NoSuchBot."""
    bot = (
        Bot.objects.select_for_update(of=("self",), no_key=True)
        .select_related("account__exchange")
        .filter(pk=bot_id)
        .first()
    )
    if bot is None:
        raise NoSuchBot(f"There is no bot {bot_id}; it may have been deleted.")
    found: Bot = bot
    return found


def audit(*, actor: User | None, action: str, target: str, at: datetime, **detail: Any) -> None:
    AuditEntry.objects.create(actor=actor, action=action, target=target, detail=detail, at=at)


def nudge_engines(payload: str) -> None:
    """Have engines look again, once this transaction commits; `payload` says at what, e.g. "bot:7"."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])


def tell_bot_state(*bots: Bot) -> None:
    """Publish the state of bots to their owners' browsers after the commit, and nudge the engines."""
    events = []
    for bot in bots:
        nudge_engines(f"bot:{bot.pk}")
        events.append((bot.owner_id, "botState", bot_state(bot)))

    def publish_all() -> None:
        publish(events)

    transaction.on_commit(publish_all)


def bot_state(bot: Bot) -> dict[str, Any]:
    session = open_session(bot)
    return {
        "bot_id": bot.pk,
        "state": bot.state,
        "reason": bot.state_reason,
        "ladder": bot.ladder,
        "ladder_reason": bot.ladder_reason,
        "session_id": session.pk if session else None,
        "started_at": session.started_at.isoformat() if session else None,
    }


def open_session(bot: Bot) -> Session | None:
    return Session.objects.filter(bot=bot, ended_at=None).first()


def publish(events: list[tuple[int, str, dict[str, Any]]]) -> None:
    """To the browsers of people. Redis may be away: what is committed stands, and browsers resync later."""
    # The engine's side imports operations too.
    from bots.broadcast import publish_many_sync

    publish_many_sync(events)
