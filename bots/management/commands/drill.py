"""Break something of the demo on purpose, and read what happens."""

import json
import sys
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bots.drills.catalog import DRILLS
from bots.drills.records import CannotDrill
from bots.drills.run import run_drill

FAILED, REFUSED = 1, 2


class Command(BaseCommand):
    help = "Break something on the simulated exchange or in the engine, wait, and tell what happened. Exits with 1 where it went wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", choices=sorted(DRILLS), help="Which one.")
        parser.add_argument("--list", action="store_true", help="What there is.")
        parser.add_argument("--json", action="store_true", help="One JSON object at the end.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"] or not options["name"]:
            for drill in DRILLS.values():
                self.stdout.write(f"{drill.name:<14} {drill.breaks}\n{'':<14} expected: {drill.expected}")
            return
        as_json = options["json"]
        drill = DRILLS[options["name"]]
        if not as_json:
            self.stdout.write(f"{drill.name}: {drill.breaks}\nexpected: {drill.expected}")
        try:
            told = run_drill(drill.name, told=(lambda text: None) if as_json else self.stdout.write)
        except CannotDrill as why:
            raise CommandError(str(why), returncode=REFUSED) from None
        if as_json:
            self.stdout.write(json.dumps(msgspec.to_builtins(told) | {"ok": told.is_ok}))
        else:
            self.stdout.write("as expected" if told.is_ok else f"NOT as expected: {'; '.join(told.problems)}")
        if not told.is_ok:
            sys.exit(FAILED)
