"""Stream the enabled exchanges onto the channel layer."""

import logging
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from marketdata.feed.display import Display, choose_style
from marketdata.feed.options import FeedOptions
from marketdata.feed.process import run_feed

_EXAMPLES = """\
examples:
  manage.py runfeed                                       every enabled exchange, what bots follow
  manage.py runfeed --exchange binance --symbols BTC/USDT --dry-run
                                                          look at one symbol, write nothing
  manage.py runfeed --once --exchange kraken              does it bring a tick? the exit code tells
  manage.py runfeed --http 127.0.0.1:9101                 with /livez, /readyz and /metrics
  manage.py runfeed --record recordings                   keep every raw frame
  manage.py runfeed --exchange binance --replay recordings/binance --speed 10
                                                          play them again, ten times as fast

signals:
  SIGTERM, SIGINT  stop gently, within 10 s; a second one stops at once
  SIGHUP           read symbols, exchanges and listings again

exit codes:
  0 stopped cleanly          3 no data in time, or at all
  1 unexpected error         4 the venue does not let us in: key, token or permission
  2 wrong arguments          5 database or Redis cannot be used
  130 Ctrl-C before it began

Under systemd (Type=notify) it tells READY, STATUS, WATCHDOG and STOPPING.
"""


class Command(BaseCommand):
    help = "Stream exchanges onto the channel layer: every followed symbol of every enabled exchange."
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, epilog=_EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--exchange", action="append", default=[], metavar="CODE", help="this exchange only; may be repeated")
        add("--symbols", default="", metavar="A/B,…", help="these symbols, instead of what bots follow")
        add("--bots", default="", metavar="ID_OR_NAME,…", help="only what these bots follow")
        add("--once", action="store_true", help="stop after the first valid tick of every symbol")
        add("--dry-run", action="store_true", help="connect, parse and print prices; write nothing")
        add("--duration", type=float, metavar="SECONDS", help="stop by itself")
        add("--record", type=Path, metavar="DIR", help="write every raw frame there (RECORD_DIR)")
        add(
            "--replay",
            type=Path,
            metavar="PATH",
            help="play a recording, a file or what --record was given, instead of one --exchange",
        )
        add("--speed", type=float, metavar="N", help="of the replay: 1 as recorded (default), 0 as fast as possible")
        add(
            "--http",
            default=settings.FEED_HTTP,
            metavar="HOST:PORT",
            help="serve /livez, /readyz and /metrics there (FEED_HTTP)",
        )
        add("--json", action="store_true", help="one JSON line for each event, also on a terminal")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verbosity"] > 1:
            logging.getLogger().setLevel(logging.DEBUG)
        asked = FeedOptions(
            exchanges=tuple(options["exchange"]),
            symbols=_words(options["symbols"]),
            bots=_words(options["bots"]),
            once=options["once"],
            dry_run=options["dry_run"],
            duration_s=options["duration"],
            record=options["record"],
            replay=options["replay"],
            speed=options["speed"],
            http=options["http"],
        )
        if asked.is_whole and asked.record is None and settings.RECORD_DIR:
            asked = replace(asked, record=Path(settings.RECORD_DIR))
        style = choose_style(as_json=options["json"])
        display = Display(style, version=_version(), prices=asked.once or asked.dry_run)
        code = run_feed(asked, display=display)
        sys.exit(code)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _version() -> str:
    try:
        return version("tradingsite")
    except PackageNotFoundError:
        return "0.1.0"
