"""Who hears how far a training is, and may end it."""

from typing import Protocol


class Cancelled(Exception):
    """Somebody asked for the training to end."""


class Watch(Protocol):
    def say(self, share: float, words: str) -> None:
        """Take how far it is, in [0, 1], and what it does. Raises Cancelled."""

    def check(self) -> None:
        """Called between iterations. Raises Cancelled."""
