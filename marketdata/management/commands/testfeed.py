"""Try the feed of one symbol before trusting it."""

import asyncio
import signal
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

import uvloop
from django.core.management.base import BaseCommand
from django.db import connection

from marketdata.exchanges.catalog import UnknownAdapter
from marketdata.feed.config import FeedConfig, FeedConfigError
from marketdata.feed.trial import Summary, Verdict, try_feed
from marketdata.feed.trial_config import trial_config
from marketdata.feed.trial_display import JsonAudience, TextAudience
from marketdata.models import Environment
from marketdata.stream import TIMEFRAMES

_EXAMPLES = """\
examples:
  manage.py testfeed simulated BTC/USDT
  manage.py testfeed kraken BTC/USD --environment live --duration 30
  manage.py testfeed ccxt:bitstamp BTC/USD --json

exit codes:
  0 ticks came               3 no data: the last line says why
  1 unexpected error         4 the venue does not let us in: key, token or permission
  2 unknown exchange or symbol, with those alike
"""


class Command(BaseCommand):
    help = "Connect to one symbol as the feed would, write nothing, and say how it went."
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, epilog=_EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("exchange", metavar="EXCHANGE", help="code of an exchange, or name of an adapter")
        parser.add_argument("symbol", metavar="SYMBOL", help="unified, e.g. BTC/USDT")
        parser.add_argument("--duration", type=float, default=180.0, metavar="SECONDS", help="default %(default)g")
        parser.add_argument("--timeframe", choices=TIMEFRAMES, default="1m", help="of the bars; default %(default)s")
        parser.add_argument("--environment", choices=Environment.values, default="", help="default: the exchange's own")
        parser.add_argument("--json", action="store_true", help="one JSON line for each event, also on a terminal")

    def handle(self, *args: Any, **options: Any) -> None:
        as_json = options["json"] or not sys.stdout.isatty()
        try:
            config = trial_config(options["exchange"], environment=options["environment"])
        except (FeedConfigError, UnknownAdapter) as error:
            print(f"testfeed: {error}", file=sys.stderr)
            sys.exit(Verdict.UNKNOWN)
        finally:
            connection.close()
        audience = JsonAudience() if as_json else TextAudience(config.exchange, options["symbol"].upper())
        summary = uvloop.run(_try(config, audience, options))
        audience.end(summary)
        if summary.reason:
            print(f"testfeed: {summary.reason}", file=sys.stderr)
        sys.exit(summary.verdict)


async def _try(config: FeedConfig, audience: JsonAudience | TextAudience, options: dict[str, Any]) -> Summary:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return await try_feed(
        config,
        symbol=options["symbol"].upper(),
        timeframe=options["timeframe"],
        duration_s=options["duration"],
        audience=audience,
        stop=stop,
    )
