"""Everything on this machine with one command: servers, demo, feed, engine, workers, web."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from tradingsite.local.console import Console
from tradingsite.local.run import Options, run_local


class Command(BaseCommand):
    help = "Start everything on this machine and keep it running. Ctrl-C stops it; the next start goes on from there."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--duration", type=float, metavar="SECONDS", help="stop by itself after this long")
        parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
        parser.add_argument("--port", type=int, default=settings.PORT, help="of the site (PORT; default %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        local = Options(
            project=settings.BASE_DIR,
            local_dir=settings.LOCAL_DIR,
            host=settings.HOST,
            port=options["port"],
            secret_key=settings.SECRET_KEY,
            duration_s=options["duration"],
            browser=not options["no_browser"] and os.environ.get("CI") != "true",
        )
        sys.exit(run_local(local, Console()))
