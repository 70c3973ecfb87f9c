"""How far a process gets: it dies, or is stopped for a while, at one of the places where it waits."""

import asyncio
import random
from collections import Counter

# Of the places by their names; "commit" is of the gate, "record" of what a venue reported.
AIMS = (
    "gate.begin", "gate.commit.before", "gate.commit.after", "place.before", "place.sent", "place.after",
    "record.begin", "record.commit.before", "record.commit.after", "recover.begin", "recover.after",
)  # fmt: skip


class Died(BaseException):
    """The process is gone: nothing of it goes on, and nothing is tidied up."""


class Fate:
    """Of one process. `counts` notes where processes died, by place."""

    def __init__(
        self, rng: random.Random, counts: Counter[str], *, dies_at: int = 0, aim: str = "", cuts: float = 0.0
    ) -> None:
        self.rng = rng
        self.is_dead = False
        self.died = asyncio.Event()
        self.cuts = cuts
        self.may_pause = False
        self.is_paused = False
        self.paused = asyncio.Event()
        self._resumed = asyncio.Event()
        self._counts = counts
        self._dies_at = dies_at
        self._aim = aim
        self._passed = 0

    async def at(self, place: str) -> None:
        """Every await of the process passes here; raises Died where it ends."""
        if self.is_dead:
            raise Died
        self._passed += 1
        if self.may_pause and place == "place.before":
            self.may_pause, self.is_paused = False, True
            self._counts["paused"] += 1
            self.paused.set()
        # A stopped process holds no transaction here: the database would end it.
        if self.is_paused and place.startswith(("connection", "place.", "venue.")):
            await self._resumed.wait()
            if self.is_dead:
                raise Died
        hits = place == self._aim if self._aim else self._passed == self._dies_at
        if hits:
            self._counts[f"died {place if place in AIMS else 'elsewhere'}"] += 1
            self.kill()
            raise Died

    def is_cut(self) -> bool:
        """Whether the connection breaks at this commit."""
        return self.rng.random() < self.cuts

    def kill(self) -> None:
        self.is_dead = True
        self._resumed.set()
        self.died.set()

    def resume(self) -> None:
        self.is_paused = False
        self._resumed.set()
