"""Check the ledger's invariants; exit code 1 names the rows that break one."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from bots.orders.checks import INVARIANTS, Broken, broken_invariants


class Command(BaseCommand):
    help = "Check that orders, fills, positions, balances and journal agree, to the last decimal. Exit code 1 if not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="One JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        broken = broken_invariants()
        if options["json"]:
            self.stdout.write(json.dumps({"checks": len(INVARIANTS), "broken": [asdict(row) for row in broken]}))
        else:
            self.stdout.write(report(broken))
        if broken:
            sys.exit(1)


def report(broken: list[Broken]) -> str:
    """A line for each check, and under a broken one its rows."""
    lines = []
    for invariant in INVARIANTS:
        rows = [row for row in broken if (row.code, row.name) == (invariant.code, invariant.name)]
        lines.append(f"{'BROKEN' if rows else 'ok':<7} {invariant.code:<4} {invariant.name}")
        lines += [f"            {row.row}: {row.detail}" for row in rows]
    lines.append("The ledger is clean." if not broken else f"The ledger is broken: {len(broken)} rows.")
    return "\n".join(lines)
