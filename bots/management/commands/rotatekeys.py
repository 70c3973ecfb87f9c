"""Seal the API keys of all accounts anew."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from bots.credentials.keys import BadKeys, add_key
from bots.operations.rotate_keys import Rotation, rotate_keys


class Command(BaseCommand):
    help = (
        "Seal the API keys of all accounts anew with the installation's first key (ACCOUNT_KEYS, else the file "
        "account_keys in LOCAL_DIR). May be killed and run again. Exits with 1 where a row cannot be opened."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--generate", action="store_true", help="First put a new key before those of the file.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["generate"]:
                ring = add_key()
                self.stdout.write(f"Key {ring.ids[0]} is the first in {ring.where}.")
            done = rotate_keys(now=timezone.now(), progress=self.tell)
        except BadKeys as error:
            raise CommandError(str(error)) from None
        for line in lines(done):
            self.stdout.write(line)
        if done.failed:
            raise CommandError(f"{len(done.failed)} could not be opened and were left as they are.")

    def tell(self, number: int, total: int) -> None:
        if number % 100 == 0 or number == total:
            self.stdout.write(f"{number} of {total}")


def lines(done: Rotation) -> list[str]:
    """What was done, for people."""
    said = [f"Account {account_id}: {why}" for account_id, why in done.failed.items()]
    said.append(f"{done.sealed_anew} sealed anew with key {done.key_id or '(none yet)'}, {done.already} were already.")
    if done.unused:
        said.append(f"No row needs {', '.join(done.unused)} any more: take it out once no backup of the database does.")
    return said
