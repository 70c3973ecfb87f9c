"""Restrict trading, or allow it again. Needs the database only: neither Redis nor web."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from bots.models import Account, Bot, Installation
from bots.operations.clear_kill_switch import clear_kill_switch
from bots.operations.engage_kill_switch import engage_kill_switch
from bots.operations.kill_switch import NoReason, Scope, WrongTarget
from bots.operations.refusals import Refused
from bots.trading.vocabulary import Ladder

WRONG_ARGUMENTS = 2


class Command(BaseCommand):
    help = "Restrict trading at once (on), allow it again (off), or show what is restricted (status)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=("on", "off", "status"))
        parser.add_argument("--scope", choices=[scope.value for scope in Scope], default=Scope.INSTALLATION.value)
        parser.add_argument("--id", type=int, help="Which account or bot, for those scopes.")
        parser.add_argument(
            "--ladder",
            choices=[step.value for step in Ladder if step is not Ladder.ACTIVE],
            default=Ladder.REDUCE.value,
            help="pause: no entries; reduce: entry orders cancelled, exits only; flatten: close everything and stay off.",
        )
        parser.add_argument("--reason", default="", help="Required for on and off; shown and kept.")

    def handle(self, *args: Any, **options: Any) -> None:
        scope = Scope(options["scope"])
        target = {"scope": scope, "target_id": options["id"], "reason": options["reason"], "actor": None}
        try:
            if options["act"] == "on":
                engage_kill_switch(ladder=Ladder(options["ladder"]), now=timezone.now(), **target)
            elif options["act"] == "off":
                clear_kill_switch(now=timezone.now(), **target)
        except (NoReason, WrongTarget) as wrong:
            raise CommandError(str(wrong), returncode=WRONG_ARGUMENTS) from wrong
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        for line in restrictions():
            self.stdout.write(line)


def restrictions() -> list[str]:
    """A line for each restriction in force."""
    rows = [("installation", row) for row in Installation.objects.exclude(ladder=Ladder.ACTIVE)]
    rows += [(f"account {row.pk} ({row.name})", row) for row in Account.objects.exclude(ladder=Ladder.ACTIVE)]
    rows += [(f"bot {row.pk} ({row.name})", row) for row in Bot.objects.exclude(ladder=Ladder.ACTIVE)]
    return [f"{name}: {row.ladder} ({row.ladder_reason})" for name, row in rows] or ["Nothing is restricted."]
