"""Look at a bot as before a start: what is well, what is not, what to do."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from bots.management.commands.bots import find_bot
from bots.preflight.run import PATIENCE_S, run_preflight

MARKS = {"ok": "✓ ok     ", "warning": "! warning", "failed": "✕ failed "}


class Command(BaseCommand):
    help = "Check everything that a bot on a sandbox or live account needs. Exits with 1 where something fails."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("bot", help="Its name or number.")
        parser.add_argument("--owner", help="Whose, where a name is not unique.")
        parser.add_argument("--json", action="store_true", help="For machines.")
        parser.add_argument(
            "--wait",
            type=float,
            default=PATIENCE_S,
            metavar="SECONDS",
            help="For prices that nobody watched until now.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        bot = find_bot(options["bot"], options["owner"])
        run = run_preflight(bot=bot, actor=None, now=timezone.now(), patience_s=options["wait"])
        if options["json"]:
            self.stdout.write(
                json.dumps({"bot": bot.pk, "mode": run.mode, "passed": run.passed, "results": run.results}, indent=2)
            )
        else:
            self.stdout.write(f"{bot.name} on {bot.account.name} ({run.mode})")
            for found in run.results:
                self.stdout.write(f"  {MARKS[found['level']]}  {found['name']:<17} {found['seen']}")
                if found["advice"]:
                    self.stdout.write(f"{'':31}{found['advice']}")
        if not run.passed:
            raise CommandError(f"{bot.name} would not start: {', '.join(row['name'] for row in run.failures)}.")
