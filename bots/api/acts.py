"""Acts of people: one door for REST and the admin to the operations."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import transaction

from bots.models import Account, Bot, User
from bots.operations.clear_bot import clear_bot
from bots.operations.clear_kill_switch import clear_kill_switch
from bots.operations.engage_kill_switch import engage_kill_switch
from bots.operations.kill_switch import CannotRestrict, Scope
from bots.operations.pause_bot import pause_bot
from bots.operations.resume_bot import resume_bot
from bots.operations.start_bot import start_bot
from bots.operations.stop_bot import stop_bot
from bots.queries.snapshot import installation_row
from bots.trading.vocabulary import Ladder


class Verb(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    CLEAR = "clear"


OPERATIONS: dict[Verb, Callable[..., Any]] = {
    Verb.START: start_bot,
    Verb.PAUSE: pause_bot,
    Verb.RESUME: resume_bot,
    Verb.STOP: stop_bot,
    Verb.CLEAR: clear_bot,
}


def act_on_bot(bot: Bot, verb: Verb, *, actor: User, now: datetime, reason: str = "") -> None:
    """Raises Refused with a sentence for people where the bot cannot do that now. To clear it takes a reason."""
    why = {"reason": reason} if verb is Verb.CLEAR else {}
    OPERATIONS[verb](bot_id=bot.pk, actor=actor, now=now, **why)


@transaction.atomic
def set_kill_switch(ladder: Ladder, *, reason: str, actor: User, accounts: list[Account] | None, now: datetime) -> None:
    """Bring accounts, or the installation where they are None, to a step. Raises Refused."""
    if accounts == []:
        raise CannotRestrict("You have no account to restrict.")
    if accounts is None:
        _set_step(Scope.INSTALLATION, None, installation_row().ladder, ladder, reason=reason, actor=actor, now=now)
    for account in accounts or ():
        _set_step(Scope.ACCOUNT, account.pk, account.ladder, ladder, reason=reason, actor=actor, now=now)


def _set_step(
    scope: Scope, target_id: int | None, before: str, ladder: Ladder, *, reason: str, actor: User, now: datetime
) -> None:
    present = Ladder(before)
    if ladder.rank < present.rank:
        clear_kill_switch(scope=scope, target_id=target_id, reason=reason, actor=actor, now=now)
    if ladder is not Ladder.ACTIVE:
        engage_kill_switch(scope=scope, target_id=target_id, ladder=ladder, reason=reason, actor=actor, now=now)
