"""Create the demo: a login, a paper account on the simulated exchange, three bots."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from bots.operations.create_demo import create_demo
from bots.operations.refusals import Refused


class Command(BaseCommand):
    help = "Create the demo (a login, a paper account on the simulated exchange, three bots) and print its login once."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            demo = create_demo(now=timezone.now())
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"Login of the demo, shown once: {demo.username} / {demo.password}")
