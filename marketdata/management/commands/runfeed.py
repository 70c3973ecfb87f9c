"""Stream the enabled exchanges onto the channel layer."""

import sys
from argparse import ArgumentParser
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.core.management.base import BaseCommand

from marketdata.feed.display import Display, choose_style
from marketdata.feed.process import FeedOptions, run_feed

_EPILOG = (
    "Exit codes: 0 stopped cleanly, 1 unexpected error, 2 wrong arguments or settings, 3 no data in time, "
    "4 not allowed by the venue, 5 database or Redis cannot be used."
)


class Command(BaseCommand):
    help = "Stream exchanges onto the channel layer: every followed symbol of every enabled exchange. " + _EPILOG
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--exchange", action="append", default=[], help="Code of an exchange; may be repeated.")
        parser.add_argument("--symbols", default="", help="Comma-separated, instead of what bots follow.")
        parser.add_argument("--once", action="store_true", help="Stop after the first valid tick of every symbol.")
        parser.add_argument("--dry-run", action="store_true", help="Connect, parse and print; write nothing.")
        parser.add_argument("--duration", type=float, metavar="SECONDS", help="Stop by itself.")
        parser.add_argument("--json", action="store_true", help="One JSON line per event, also on a terminal.")

    def handle(self, *args: Any, **options: Any) -> None:
        display = Display(choose_style(as_json=options["json"]), version=_version())
        code = run_feed(
            FeedOptions(
                exchanges=tuple(options["exchange"]),
                symbols=tuple(name.strip() for name in options["symbols"].split(",") if name.strip()),
                once=options["once"],
                dry_run=options["dry_run"],
                duration_s=options["duration"],
            ),
            display=display,
        )
        sys.exit(code)


def _version() -> str:
    try:
        return version("tradingsite")
    except PackageNotFoundError:
        return "0.1.0"
