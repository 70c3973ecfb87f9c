"""`manage.py trainmodel`: train a model here and now, with a progress bar."""

import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from quant.learning.display import ConsoleWatch, Interrupted, report
from quant.learning.runs import TIMEFRAMES, BadRun, request_run
from quant.learning.training import execute
from quant.models import RunState

_HELP = """\
Train a model from stored bars, and register it in shadow.

  manage.py trainmodel binance BTC/USDT
  manage.py trainmodel binance BTC/USDT ETH/USDT --timeframe 5m --horizon 48 --from 2025-06-01
  manage.py trainmodel kraken BTC/USD --horizon 60 --cost-bps 12 --json

Bars come from the database: fetch them with `manage.py backfill`. Several symbols make one model of them all."""
_EPILOG = (
    "Exit codes: 0 registered in shadow, 1 failed, 2 wrong arguments, 3 refused: too little to learn from, "
    "130 or 143 stopped by Ctrl-C or SIGTERM."
)
_CODES = {RunState.DONE: 0, RunState.REFUSED: 3, RunState.CANCELLED: 130}


class Command(BaseCommand):
    help = _HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, epilog=_EPILOG, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("exchange", help="Code of an exchange, e.g. binance.")
        parser.add_argument("symbols", nargs="+", metavar="SYMBOL", help="E.g. BTC/USDT.")
        parser.add_argument("--timeframe", default="1m", choices=TIMEFRAMES)
        parser.add_argument("--horizon", type=int, default=60, metavar="BARS", help="Bars that a trade may take (60).")
        parser.add_argument("--cost-bps", type=float, default=10.0, metavar="BPS", help="Of a round trip (10).")
        parser.add_argument("--from", type=_moment, dest="start_ns", metavar="TIME", help="2026-01-01, UTC.")
        parser.add_argument("--to", type=_moment, dest="end_ns", metavar="TIME")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--json", action="store_true", help="JSON lines, also on a terminal.")

    def handle(self, *args: Any, **options: Any) -> None:
        interrupted = Interrupted()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, interrupted.on_signal)
        try:
            run = request_run(
                exchange=options["exchange"], symbols=options["symbols"], timeframe=options["timeframe"],
                horizon_bars=options["horizon"], cost_bps=options["cost_bps"], start_ns=options["start_ns"],
                end_ns=options["end_ns"], seed=options["seed"], actor="trainmodel", now=_now(),
            )  # fmt: skip
        except BadRun as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(2)
        with ConsoleWatch(as_json=options["json"], interrupted=interrupted) as watch:
            run = execute(run.pk, clock=_now, beside=watch)
        report(run, as_json=watch.as_json)
        sys.exit(interrupted.code or _CODES.get(RunState(run.state), 1))


def _now() -> datetime:
    return datetime.now(UTC)


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a time such as 2026-01-01 or 2026-01-01T12:00") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return int(moment.timestamp()) * 1_000_000_000
