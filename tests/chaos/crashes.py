"""Bots' order lives in virtual time, killed at any await: other seeds each time."""

import time

from asgiref.sync import sync_to_async
from django.db import connections

from tests.chaos.outcome import Outcome

# Of one run of the scenario; the next run's seeds begin after them.
MOST = 100_000


async def run(seed: int, seconds: float) -> Outcome:
    outcome = Outcome(scenario="crashes", seed=seed)
    await sync_to_async(_live)(seed, seconds, outcome)
    return outcome


def _live(seed: int, seconds: float, outcome: Outcome) -> None:
    from tests.chaos.simulation.ground import live_all

    ends_s = time.monotonic() + seconds
    first = seed * MOST
    lives = live_all(range(first, first + MOST), began_ns=time.time_ns(), is_over=lambda: time.monotonic() > ends_s)
    outcome.counts.update(lives.counts)
    outcome.counts["lives"] = lives.lives
    outcome.problems += lives.problems
    connections.close_all()
