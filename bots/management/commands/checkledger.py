"""Check the ledger's invariants and compare it with the venues; the exit code says what was found."""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandParser

from bots.engine.comparing import compare_accounts
from bots.orders.checks import INVARIANTS, Broken, broken_invariants
from bots.orders.venue.compare import NAME, Comparison

BROKEN, UNCHECKED = 1, 3


class Command(BaseCommand):
    help = (
        "Check that orders, fills, positions, balances and journal agree, to the last decimal, and that accounts at real "
        "venues have what their venues say. Exit code 1 if not, 3 if a venue could not be asked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="One JSON object.")
        parser.add_argument("--offline", action="store_true", help="Ask no venue.")

    def handle(self, *args: Any, **options: Any) -> None:
        broken = broken_invariants()
        compared = [] if options["offline"] else asyncio.run(compare_accounts())
        broken += [row for found in compared for row in found.broken]
        if options["json"]:
            accounts = [msgspec.to_builtins(found) for found in compared]
            told = {"checks": len(INVARIANTS), "broken": [asdict(row) for row in broken], "accounts": accounts}
            self.stdout.write(json.dumps(told))
        else:
            self.stdout.write(report(broken, compared))
        if broken:
            sys.exit(BROKEN)
        if any(found.unchecked for found in compared):
            sys.exit(UNCHECKED)


def report(broken: list[Broken], compared: list[Comparison]) -> str:
    """A line for each check, and under a broken one its rows."""
    lines = []
    for invariant in INVARIANTS:
        rows = [row for row in broken if (row.code, row.name) == (invariant.code, invariant.name)]
        lines.append(f"{'BROKEN' if rows else 'ok':<9} {invariant.code:<4} {invariant.name}")
        lines += [f"              {row.row}: {row.detail}" for row in rows]
    for found in compared:
        word = "unchecked" if found.unchecked else "BROKEN" if found.broken else "ok"
        lines.append(f"{word:<9} I8   account {found.account_id}: {found.unchecked or NAME}")
        lines += [f"              {row.row}: {row.detail}" for row in found.broken]
    unchecked = sum(1 for found in compared if found.unchecked)
    lines.append(f"The ledger is broken: {len(broken)} rows." if broken else "The ledger is clean.")
    if unchecked:
        lines.append(f"{unchecked} accounts could not be compared with their venues: that says nothing about them.")
    return "\n".join(lines)
