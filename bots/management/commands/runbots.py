"""Look after bots: ticks to decisions to orders."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bots.engine.process import EngineOptions, run_engine

_EPILOG = (
    "Exit codes: 0 stopped cleanly, 1 unexpected error, 2 wrong arguments or settings, 5 the database cannot be used."
)


class Command(BaseCommand):
    help = "Look after bots: take those that nobody leads, decide on every tick, send their orders. " + _EPILOG
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--duration", type=float, metavar="SECONDS", help="Stop by itself.")
        parser.add_argument("--engine-id", default="", help="Name in leases and logs; default: ENGINE_ID or the host.")
        parser.add_argument(
            "--inherit",
            action="store_true",
            help="Take the bots of earlier runs under this --engine-id at once: for supervisors, who know they ended.",
        )
        parser.add_argument("--json", action="store_true", help="One JSON line a minute, and one at the end.")

    def handle(self, *args: Any, **options: Any) -> None:
        code = run_engine(
            EngineOptions(
                engine_id=options["engine_id"],
                inherit=options["inherit"],
                duration_s=options["duration"],
                as_json=options["json"],
            )
        )
        sys.exit(code)
