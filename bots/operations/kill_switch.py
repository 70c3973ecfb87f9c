"""Who a restriction is for, and setting it: shared by engaging and clearing."""

from datetime import datetime
from enum import StrEnum

from django.db import connection

from bots.models import Account, Bot, Installation, User
from bots.operations.refusals import Refused
from bots.operations.speak import audit, nudge_engines, tell_bot_state
from bots.orders.sql import CHANGE_LADDERS
from bots.trading.vocabulary import Ladder


class Scope(StrEnum):
    INSTALLATION = "installation"
    ACCOUNT = "account"
    BOT = "bot"


class CannotRestrict(Refused):
    """No such account or bot, no reason given, or nothing to change."""


class WrongTarget(CannotRestrict):
    """There is no such account or bot."""


class NoReason(CannotRestrict):
    """Every change of a restriction is explained."""


class Restricted:
    """The row that carries a ladder, locked until the transaction ends."""

    def __init__(self, scope: Scope, target_id: int | None) -> None:
        """Raises WrongTarget where there is no such row."""
        self.scope = scope
        self.row: Installation | Account | Bot
        with connection.cursor() as cursor:
            cursor.execute(CHANGE_LADDERS)
        if scope is Scope.INSTALLATION:
            self.row = Installation.objects.select_for_update(no_key=True).get(pk=1)
            return
        model = Account if scope is Scope.ACCOUNT else Bot
        found = model.objects.select_for_update(of=("self",), no_key=True).filter(pk=target_id).first()
        if found is None:
            raise WrongTarget(f"There is no {scope} {target_id}.")
        self.row = found

    @property
    def name(self) -> str:
        return "installation" if self.scope is Scope.INSTALLATION else f"{self.scope}:{self.row.pk}"

    @property
    def ladder(self) -> Ladder:
        return Ladder(self.row.ladder)

    def set(self, ladder: Ladder, *, reason: str, actor: User | None, now: datetime, **detail: str) -> None:
        """Write, audit with `detail`, nudge the engines. Raises NoReason without a reason."""
        if not reason.strip():
            raise NoReason("Give a reason: it is shown to everybody concerned, and kept.")
        before = self.ladder
        self.row.ladder = ladder.value
        self.row.ladder_reason = reason.strip()[:300] if ladder is not Ladder.ACTIVE else ""
        fields = ["ladder", "ladder_reason"]
        if isinstance(self.row, Installation):
            self.row.ladder_set_by, self.row.ladder_set_at = actor, now
            fields += ["ladder_set_by", "ladder_set_at"]
        self.row.save(update_fields=fields)
        verb = "clear" if ladder is Ladder.ACTIVE else "engage"
        audit(
            actor=actor,
            action=f"kill_switch.{verb}",
            target=self.name,
            at=now,
            ladder=ladder.value,
            before=before.value,
            reason=reason.strip(),
            **detail,
        )
        nudge_engines(self.name)
        tell_bot_state(*self._bots())

    def _bots(self) -> list[Bot]:
        if isinstance(self.row, Bot):
            return [self.row]
        bots = Bot.objects.exclude(state="stopped")
        return list(bots if isinstance(self.row, Installation) else bots.filter(account=self.row))
