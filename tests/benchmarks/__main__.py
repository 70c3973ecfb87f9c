"""Run the benchmarks, print a table and write .local/bench.json. Exit code 1 when one is over its budget."""

import argparse
import importlib
import json
import os
import sys
from pathlib import Path

import django
from rich.console import Console
from rich.table import Table

from tests.benchmarks.rows import Row

MODULES = (
    *("feed", "feed_network", "feed_memory", "feed_cores", "adapters", "signals", "learning", "quant_service"),
    *("engine", "orders", "brokers", "performance", "evidence", "web", "system"),
)
REPORT = Path(__file__).resolve().parents[2] / ".local" / "bench.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("modules", nargs="*", choices=[*MODULES, []], help=f"default: all of {', '.join(MODULES)}")
    arguments = parser.parse_args()
    # Parts of the feed know the models; servers and databases are each benchmark's own.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    django.setup()
    rows: dict[str, Row] = {}
    REPORT.parent.mkdir(exist_ok=True)
    for name in arguments.modules or MODULES:
        print(f"{name} …", file=sys.stderr, flush=True)
        measured = importlib.import_module(f"tests.benchmarks.{name}").run()
        rows |= measured
        # After each, so that a run which is stopped leaves what it has measured.
        REPORT.write_text(json.dumps({name: row.as_dict() for name, row in rows.items()}, indent=2) + "\n")
        print_table(name, measured)
    over = [name for name, row in rows.items() if not row.ok]
    print(f"Written to {REPORT}")
    print(f"{len(rows)} rows on {os.cpu_count()} cores, {len(over)} over budget{':' if over else '.'}")
    for name in over:
        print(f"  {name}")
    return 1 if over else 0


def print_table(title: str, rows: dict[str, Row]) -> None:
    table = Table(title=title)
    for column in ("benchmark", "value", "floor", "ratio", "budget", ""):
        table.add_column(column, justify="left" if column in ("benchmark", "") else "right")
    for name, row in rows.items():
        sign = "≥" if row.higher_is_better else "≤"
        budget = f"{sign} {row.budget:g}{' of floor' if row.budget_is_ratio else f' {row.unit}'}"
        cells = (name, f"{row.value:.4g} {row.unit}", f"{row.floor:.4g} {row.unit}", f"{row.ratio:.2f}", budget)
        table.add_row(*cells, "ok" if row.ok else "[bold red]over budget")
    console = Console(width=140 if not sys.stdout.isatty() else None)
    console.print(table)
    for name, row in rows.items():
        if row.note:
            console.print(f"{name}: {row.note}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
