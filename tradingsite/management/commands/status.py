"""What runs here: bots, feeds, positions, counts."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from tradingsite.status import NothingRuns, Status, read_status

EXIT_NOTHING_RUNS = 3


class Command(BaseCommand):
    help = "Bots, feeds with the age of their last tick, open positions and counts. Exit code 3 when nothing runs."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            status = read_status(now=timezone.now())
        except NothingRuns as error:
            self.stderr.write(str(error))
            sys.exit(EXIT_NOTHING_RUNS)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(status)))
        else:
            print_tables(status, Console())


def print_tables(status: Status, console: Console) -> None:
    bots = Table("ID", "BOT", "STATE", title="Bots", title_justify="left")
    for bot in status.bots:
        bots.add_row(str(bot["id"]), bot["name"], bot["state"])
    feeds = Table("EXCHANGE", "SYMBOL", "TICK AGE", "SOURCE", title="Feeds", title_justify="left")
    for feed in status.feeds:
        age = "no tick yet" if feed["tick_age_s"] is None else f"{feed['tick_age_s']:.1f} s"
        feeds.add_row(feed["exchange"], feed["symbol"], age, feed["source"])
    console.print(bots, feeds)
    console.print(
        f"{status.positions_open} open positions · {status.signals} signals · {status.orders} orders · "
        f"{status.fills} fills"
    )
