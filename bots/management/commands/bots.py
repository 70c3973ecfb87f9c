"""Bots from the terminal: list, start, pause, resume, stop."""

from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from bots.models import Bot
from bots.operations.pause_bot import pause_bot
from bots.operations.refusals import Refused
from bots.operations.resume_bot import resume_bot
from bots.operations.start_bot import start_bot
from bots.operations.stop_bot import stop_bot

WRONG_ARGUMENTS = 2
ACTS: dict[str, Callable[..., object]] = {
    "start": start_bot,
    "pause": pause_bot,
    "resume": resume_bot,
    "stop": stop_bot,
}


class Command(BaseCommand):
    help = "List bots, or start, pause, resume or stop one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=("list", *ACTS))
        parser.add_argument("bot", nargs="?", help="Its name or number.")
        parser.add_argument("--owner", help="Whose, where a name is not unique.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["act"] == "list":
            for bot in Bot.objects.select_related("owner", "account"):
                why = f" ({bot.state_reason})" if bot.state_reason else ""
                self.stdout.write(f"{bot.pk:>4}  {bot.name:<24} {bot.owner.username:<16} {bot.state}{why}")
            return
        bot = find_bot(options["bot"], options["owner"])
        try:
            ACTS[options["act"]](bot_id=bot.pk, actor=None, now=timezone.now())
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        bot.refresh_from_db()
        self.stdout.write(f"{bot.name} is {bot.state}.")


def find_bot(named: str | None, owner: str | None) -> Bot:
    """Raises CommandError where none or several are meant."""
    if not named:
        raise CommandError(
            "Name a bot, or give its number; `manage.py bots list` shows them.", returncode=WRONG_ARGUMENTS
        )
    bots = Bot.objects.filter(pk=int(named)) if named.isdigit() else Bot.objects.filter(name=named)
    if owner:
        bots = bots.filter(owner__username=owner)
    found = list(bots[:2])
    if len(found) != 1:
        trouble = "There is no bot" if not found else "There are several bots called"
        raise CommandError(
            f"{trouble} {named!r}; `manage.py bots list` shows them; --owner narrows it down.",
            returncode=WRONG_ARGUMENTS,
        )
    bot: Bot = found[0]
    return bot
