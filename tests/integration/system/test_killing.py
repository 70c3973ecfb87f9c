"""Feed and engine killed while they trade on a live market: the next ones go on, and the books stay clean."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from bots.models import Bot, Fill
from bots.orders.checks import broken_invariants
from marketdata.models import FeedLease, FeedStatus
from tests.integration.system.commands import Command, Commands
from tests.integration.system.people import EVERY_TICK, Trader
from tests.simulator_fixture import Simulator, running_simulator

SYMBOLS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
TIGHT = {"stop_loss": Decimal("0.0001"), "take_profit": Decimal("0.0001")}


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Simulator]:
    arguments = ("--symbols", ",".join(SYMBOLS), "--history-days", "2")
    with running_simulator(*arguments, ledger=tmp_path / "exchange") as running:
        yield running


def trade_on(alice: Trader, engine: Command, name: str) -> None:
    """Wait for fills of a bot that starts now: an old one may wait for its limit of entries a minute."""
    bot = alice.start(name, SYMBOLS, **EVERY_TICK | TIGHT)
    engine.until(lambda: Fill.objects.filter(order__bot=bot).count() > 2)
    assert Bot.objects.get(pk=bot.pk).state == "running"


@pytest.mark.slow
def test_trading_goes_on_after_the_feed_and_the_engine_were_killed(
    exchange: Simulator, commands: Commands, alice: Trader
) -> None:
    commands.env["SIMULATOR_URL"] = exchange.rest_url
    feed, engine = commands.manage("runfeed", "--json"), commands.manage("runbots", "--json")
    trade_on(alice, engine, "Before")

    feed.kill()
    feed = commands.manage("runfeed", "--json")
    feed.until(lambda: FeedLease.objects.get().epoch == 2 and FeedStatus.objects.filter(state="live").count() == 3)
    trade_on(alice, engine, "After the feed was killed")

    engine.kill()
    assert broken_invariants() == []
    engine = commands.manage("runbots", "--json")
    engine.until(lambda: engine.said.count("bot taken") == 2)
    trade_on(alice, engine, "After the engine was killed")

    assert engine.finish() == 0, engine.said
    assert feed.finish() == 0, feed.said
    (done,) = engine.events("stopped")
    assert (done["bots"], done["symbols"], done["missed"], done["database_error"]) == (3, 3, 0, "")
    checked = commands.run("checkledger")
    assert checked.returncode == 0, checked.stdout
