"""Play a recorded session through the engine."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from bots.replay.run import run_replay


class Command(BaseCommand):
    help = (
        "Play a recorded session through the engine, for copies of bots on accounts of their own. The same recording "
        "gives the same digest. Exit codes: 0 done, 2 wrong arguments, 6 the recording is cut or cannot be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("capture", type=Path, help="A gzip of lines '<receive ns> <frame>'.")
        parser.add_argument("--symbol", required=True, help="Unified, e.g. BTC/USDT.")
        parser.add_argument("--bot", action="append", default=[], help="Name or number; may be repeated.")
        parser.add_argument("--json", action="store_true", help="The report as one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        report, code, problem = run_replay(
            options["capture"], symbol=options["symbol"], names=options["bot"], clock=lambda: datetime.now(UTC)
        )
        if report is None:
            self.stderr.write(f"replay: {problem}")
        elif options["json"]:
            self.stdout.write(json.dumps(asdict(report)))
        else:
            for name, value in asdict(report).items():
                self.stdout.write(f"{name:12} {value}")
        sys.exit(code)
