"""`manage.py backfill`: bars of the past by REST, as far as they are missing."""

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from marketdata.backfill.display import Display
from marketdata.backfill.run import Request, run_backfill
from marketdata.events import TIMEFRAME_SECONDS, Timeframe

_HELP = """\
Fetch bars of the past over REST and store those that the database lacks.

  manage.py backfill binance BTC/USDT ETH/USDT --timeframe 1m,1h --from 2026-01-01
  manage.py backfill kraken BTC/USD --from 2026-01-01T12:00 --to 2026-01-02 --parquet data/
  manage.py backfill binance BTC/USDT --from 2026-01-01 --gaps

Runs again from where it stopped: what is stored is not fetched, only gaps are. Nothing is invented: what the venue
does not have is named, and so is every bar that is refused (high below low, prices of zero, sent twice, out of order).
A timeframe that the venue lacks is built from complete sets of shorter bars, which are stored too."""
_EPILOG = (
    "Exit codes: 0 done, 1 the venue or the disk failed (run it again), 2 wrong arguments or unknown symbol, "
    "4 not allowed by the venue, 5 the database cannot be used, 130 or 143 stopped by Ctrl-C or SIGTERM."
)


class Command(BaseCommand):
    help = _HELP
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, epilog=_EPILOG, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("exchange", help="Code of an exchange, e.g. binance.")
        parser.add_argument("symbols", nargs="+", metavar="SYMBOL", help="E.g. BTC/USDT.")
        parser.add_argument(
            "--timeframe", type=_timeframes, default=("1m",), metavar="LIST",
            help=f"With commas, of {', '.join(TIMEFRAME_SECONDS)} (1m).",
        )  # fmt: skip
        parser.add_argument(
            "--from", type=_moment, required=True, dest="start_ns", metavar="TIME",
            help="The first bar opens here: 2026-01-01 or 2026-01-01T12:00, UTC.",
        )  # fmt: skip
        parser.add_argument("--to", type=_moment, dest="end_ns", metavar="TIME", help="The last one ends here (now).")
        parser.add_argument(
            "--parquet", type=Path, metavar="DIR", help="Write to this Parquet store what it lacks, for backtests."
        )
        parser.add_argument("--gaps", action="store_true", help="Only report what is missing; fetch nothing.")
        parser.add_argument("--json", action="store_true", help="JSON lines, also on a terminal.")

    def handle(self, *args: Any, **options: Any) -> None:
        request = Request(
            exchange=options["exchange"],
            symbols=tuple(options["symbols"]),
            timeframes=options["timeframe"],
            start_ns=options["start_ns"],
            end_ns=options["end_ns"],
            parquet=options["parquet"],
            gaps_only=options["gaps"],
        )
        display = Display(as_json=options["json"], clock_ns=time.time_ns)
        sys.exit(run_backfill(request, display=display, clock_ns=time.time_ns))


def _timeframes(text: str) -> tuple[Timeframe, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    known: dict[str, Timeframe] = {name: name for name in TIMEFRAME_SECONDS}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ArgumentTypeError(f"no timeframe {', '.join(unknown) or 'named'}; there are {', '.join(known)}")
    return tuple(known[name] for name in names)


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a time such as 2026-01-01 or 2026-01-01T12:00") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return int(moment.timestamp()) * 1_000_000_000
