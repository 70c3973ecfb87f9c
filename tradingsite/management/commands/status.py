"""What runs here: bots, feeds, positions, counts."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tradingsite.status import NothingRuns, Status, read_status

EXIT_NOTHING_RUNS = 3


class Command(BaseCommand):
    help = (
        "Bots, feeds and slow sources with state, reason and age, open positions and counts. "
        "Exit code 3 when nothing runs."
    )
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
    console.print(bots, feeds_table(status), *([sources_table(status)] if status.sources else []))
    console.print(
        f"{status.positions_open} open positions · {status.signals} signals · {status.orders} orders · "
        f"{status.fills} fills"
    )
    if status.simulator_url:
        console.print(f"Simulated exchange: {status.simulator_url}", highlight=False)


def feeds_table(status: Status) -> Table:
    table = Table("EXCHANGE", "SYMBOL", "STATE", "TICK AGE", "SOURCE", "REASON", title="Feeds", title_justify="left")
    for feed in status.feeds:
        why = why_of(feed) if feed["state"] != "live" else ""
        where = (feed["exchange"], feed["symbol"], words(feed["state"]))
        table.add_row(*map(escape, where), age(feed["tick_age_s"], "no tick yet"), feed["source"], why)
    return table


def sources_table(status: Status) -> Table:
    table = Table("SOURCE", "STATE", "LAST ANSWER", "REASON", title="Slow sources", title_justify="left")
    for source in status.sources:
        why = why_of(source) if source["state"] != "live" else ""
        table.add_row(escape(source["name"]), words(source["state"]), age(source["answer_age_s"], "none yet"), why)
    return table


def words(state: str) -> str:
    return state.replace("_", " ")


def why_of(item: Mapping[str, Any]) -> str:
    reason = item["reason"]
    return escape(" ".join(filter(None, (f"{reason.rstrip('.')}." if reason else "", item["advice"]))))


def age(seconds: float | None, never: str) -> str:
    """In seconds while it is young; minutes, hours or days afterwards."""
    if seconds is None:
        return never
    if seconds < 90:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 129_600 else f"{seconds / 86_400:.0f} d"
