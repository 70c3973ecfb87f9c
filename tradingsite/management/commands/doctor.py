"""Is everything there that an installation needs."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tradingsite.doctor import Finding, Level, examine

COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILED: "red"}


class Command(BaseCommand):
    help = (
        "Check Python, packages, settings, disk, servers, migrations, clocks, files, recordings, exchanges, keys and slow "
        "sources; each line says what to do. Exit code 1: something failed."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="a JSON list instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = examine()
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in findings]))
        else:
            Console().print(table_of(findings))
        sys.exit(int(any(finding.level == Level.FAILED for finding in findings)))


def table_of(findings: list[Finding]) -> Table:
    table = Table("CHECK", "", "WHAT IT SAW", "WHAT TO DO")
    for finding in findings:
        colour = COLOURS[finding.level]
        # What a venue says is no markup.
        table.add_row(
            escape(finding.check),
            f"[{colour}]{finding.level}[/{colour}]",
            escape(finding.message),
            escape(finding.advice),
        )
    return table
