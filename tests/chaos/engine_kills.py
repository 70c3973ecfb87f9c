"""Engines that trade at the exchange, killed and stopped again and again; their ledgers must be equal at the end."""

import asyncio
import time
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections

from tests.chaos.killing import SYMBOLS, Stage
from tests.chaos.outcome import Outcome
from tests.chaos.world import world

FAILOVER_S = 30.0


async def run(seed: int, seconds: float) -> Outcome:
    outcome = Outcome(scenario="engine_kills", seed=seed)
    async with world(SYMBOLS, seed=seed) as there:
        await asyncio.to_thread(_run, there, seed, seconds, outcome)
        await sync_to_async(connections.close_all)()
        outcome.problems += there.exceptions()
    return outcome


def _run(there: Any, seed: int, seconds: float, outcome: Outcome) -> None:
    from tests.integration.system.people import make_trader

    there.feed()
    stage = Stage(there.market, there.commands, make_trader(), seed=seed, name=f"chaos-{seed}")
    ends_s = time.monotonic() + seconds
    try:
        engine, other = stage.engine(), stage.engine()
        while not stage.counts or time.monotonic() < ends_s:
            bot = stage.trade(engine)
            owner = stage.owner(bot)
            assert owner is not None
            survivor = other if owner is engine else engine
            if stage.rng.random() < 0.3:
                stage.pause(owner, survivor)
                continue
            stage.kill(owner)
            began_s = time.monotonic()
            survivor.until(lambda: stage.owner(bot) is survivor)  # noqa: B023 - asked at once
            outcome.slowest("failover_s", time.monotonic() - began_s)
            engine, other = survivor, stage.engine()
        stage.rest(engine)
        stage.judge()
        stage.compare()
    finally:
        stage.close()
        connections.close_all()
    outcome.counts.update(stage.counts)
    outcome.problems += stage.problems
    took_s = outcome.figures.get("failover_s", 0.0)
    outcome.expect(took_s <= FAILOVER_S, f"another engine took the bots after {took_s:.1f} s")
