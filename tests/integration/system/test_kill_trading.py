"""Engines killed and stopped while they trade on an account at the exchange: its ledger and ours are equal."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bots.models import Fill
from tests.chaos.killing import SYMBOLS, Stage
from tests.integration.system.commands import Commands
from tests.integration.system.people import Trader
from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator, running_simulator

pytestmark = [pytest.mark.alone, pytest.mark.slow, pytest.mark.timeout(2400)]
KILLS, PAUSES = 10, 3
FAILOVER_S = 30.0
SEED = int(os.environ.get("TEST_SEED", "5"))


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Simulator]:
    arguments = ("--symbols", ",".join(SYMBOLS), "--history-days", "2", "--weight-per-minute", "1000000")
    with running_simulator(*arguments, ledger=tmp_path / "exchange") as running:
        yield running


@pytest.fixture
def stage(exchange: Simulator, commands: Commands, alice: Trader) -> Iterator[Stage]:
    commands.env["SIMULATOR_URL"] = exchange.rest_url
    commands.manage("runfeed", "--json")
    found = Stage(exchange, commands, alice, seed=SEED, name="killed")
    yield found
    found.close()


def test_engines_killed_while_they_trade_lose_nothing_and_send_nothing_twice(stage: Stage) -> None:
    engine = stage.engine()
    for _ in range(KILLS):
        stage.trade(engine)
        stage.kill(engine)
        assert stage.problems == []
        engine = stage.engine()
    stage.trade(engine)
    stage.rest(engine)
    stage.judge()
    print(f"kills, seed {SEED}: {dict(stage.counts)}")
    assert stage.problems == []


def test_engines_that_sleep_past_their_leases_do_no_harm_and_another_trades_within_half_a_minute(stage: Stage) -> None:
    sleeper, successor = stage.engine(), stage.engine()
    sleeper.until(lambda: "engine started" in sleeper.said, timeout_s=PATIENCE_S)
    successor.until(lambda: "engine started" in successor.said, timeout_s=PATIENCE_S)
    stage.trade(successor)
    for _ in range(PAUSES):
        bot = stage.trade(successor)
        owner = stage.owner(bot)
        assert owner is not None
        other = successor if owner is sleeper else sleeper
        stage.pause(owner, other)
    bot = stage.trade(successor)
    owner = stage.owner(bot)
    assert owner is not None
    survivor = successor if owner is sleeper else sleeper
    fills = Fill.objects.count()
    owner.kill()
    began_s = time.monotonic()
    survivor.until(lambda: stage.owner(bot) is survivor, timeout_s=PATIENCE_S)
    took_s = time.monotonic() - began_s
    survivor.until(lambda: Fill.objects.count() > fills, timeout_s=2 * PATIENCE_S)
    stage.rest(survivor)
    stage.judge()
    print(f"pauses, seed {SEED}: {dict(stage.counts)}, taken over after {took_s:.1f} s")
    assert stage.problems == []
    assert took_s <= FAILOVER_S
