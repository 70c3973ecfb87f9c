"""Publish orders and signals to Redis streams for other programs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bots.integration_streams.process import run_streams


class Command(BaseCommand):
    help = "Publish orders and signals to capped Redis streams (docs/integrations.md). Any number may run."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--duration", type=float, metavar="SECONDS", help="Stop by itself.")

    def handle(self, *args: Any, **options: Any) -> None:
        run_streams(duration_s=options["duration"])
