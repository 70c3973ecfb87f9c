"""`manage.py runexchange`: a simulated exchange on loopback, for the demo, tests and drills."""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand

from marketdata.simulator.options import add_arguments, from_namespace
from marketdata.simulator.running import run
from marketdata.simulator.slow import HELP


class Command(BaseCommand):
    help = (
        "Run a simulated exchange on loopback that speaks Binance's spot and USD-M dialects over REST and WebSocket: "
        "synthetic markets that are a function of seed and time, or a recorded capture, with accounts, orders and positions "
        "of its own, and faults in all of them. " + HELP
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(run(from_namespace(Namespace(**options))))
