"""Acts of people: one door for REST, pages and the admin to the operations, with their refusals as conflicts."""

from datetime import datetime
from enum import StrEnum
from importlib import import_module

from bots.models import Account, Bot, Position, User
from bots.trading.vocabulary import Ladder


class Verb(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


def act_on_bot(bot: Bot, verb: Verb, *, actor: User, now: datetime) -> None:
    """Raises Conflict with a sentence for people where the bot cannot do that now."""
    getattr(import_module(f"bots.operations.{verb}_bot"), f"{verb}_bot")(bot_id=bot.pk, actor=actor, now=now)


def symbols_changed(bot: Bot) -> None:
    """Have the feeds follow the bot's new watchlist, where it is active."""


def close_one_position(position: Position, *, actor: User, now: datetime) -> None: ...


def set_kill_switch(
    ladder: Ladder, *, reason: str, actor: User, accounts: list[Account] | None, now: datetime
) -> None: ...
