"""`manage.py drill` against real processes: it breaks them, sees what it should, and refuses where money is real."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from bots.drills import run
from bots.drills.catalog import DRILLS
from bots.drills.records import NotSeen
from bots.models import Account, BotLease
from marketdata.models import Exchange, FeedStatus
from tests.integration.system.commands import Command, Commands
from tests.integration.system.people import EVERY_MINUTE, Trader
from tests.simulator_fixture import Simulator, running_simulator

SYMBOLS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
pytestmark = pytest.mark.slow


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Simulator]:
    with running_simulator("--symbols", ",".join(SYMBOLS), "--history-days", "2", ledger=tmp_path / "x") as running:
        yield running


@pytest.fixture
def processes() -> Iterator[Path]:
    """The file in which `make run` says what it started."""
    path = Path(settings.LOCAL_DIR) / run.PROCESSES_FILE
    yield path
    path.unlink(missing_ok=True)


def drilled(commands: Commands, name: str) -> dict[str, Any]:
    done = commands.run("drill", name, "--json")
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if told["ok"] else 1)
    return told


def test_a_feed_is_cut_and_comes_back(exchange: Simulator, commands: Commands, alice: Trader) -> None:
    commands.env["SIMULATOR_URL"] = exchange.rest_url
    feed = commands.manage("runfeed", "--json")
    alice.start("Slow", SYMBOLS, **EVERY_MINUTE)
    feed.until(lambda: FeedStatus.objects.filter(state="live").count() == len(SYMBOLS))
    told = drilled(commands, "cut-feed")
    assert told["ok"], told
    assert any("live again" in moment["text"] for moment in told["moments"])


def _restarted(commands: Commands, engine: Command, path: Path) -> None:
    path.write_text(json.dumps({"children": {"engine": engine.process.pid}}))


def test_an_engine_is_killed_and_another_takes_its_bots(
    exchange: Simulator, commands: Commands, alice: Trader, processes: Path
) -> None:
    commands.env["SIMULATOR_URL"] = exchange.rest_url
    commands.manage("runfeed", "--json")
    engine = commands.manage("runbots", "--json", "--engine-id", "first")
    alice.start("Slow", SYMBOLS, **EVERY_MINUTE)
    engine.until(lambda: BotLease.objects.filter(holder__startswith="first:").exists())
    _restarted(commands, engine, processes)
    commands.manage("runbots", "--json", "--engine-id", "second").until(lambda: True)
    told = drilled(commands, "freeze-engine")
    assert told["ok"], told
    holder = BotLease.objects.get().holder.split(":")[0]
    assert holder in ("first", "second")
    if holder == "first":
        told = drilled(commands, "kill-engine")
        assert told["ok"], told
        assert engine.process.wait(10) != 0


def test_what_cannot_be_drilled_is_refused_with_why(transactional_db: None, alice: Trader, processes: Path) -> None:
    BotLease.objects.create(bot=alice.start("Slow", SYMBOLS, **EVERY_MINUTE), holder="x:y", epoch=1)
    with pytest.raises(CommandError, match="make run"):
        call_command("drill", "kill-engine")
    processes.write_text(json.dumps({"children": {"engine": os.getpid()}}))
    with pytest.raises(CommandError, match="no engine any more"):
        call_command("drill", "kill-engine")
    with pytest.raises(CommandError, match="no account sends orders"):
        call_command("drill", "swallow-ack")


def test_nothing_is_broken_where_money_is_real(transactional_db: None, alice: Trader) -> None:
    alice.start("Slow", SYMBOLS, **EVERY_MINUTE)
    Exchange.objects.update(environment="live")
    Account.objects.update(mode="live", opening_cash=Decimal(0), live_since=datetime.now(UTC))
    for name in DRILLS:
        with pytest.raises(CommandError, match="is a live account"):
            call_command("drill", name)


def test_what_is_not_seen_in_time_fails_the_drill(transactional_db: None, monkeypatch, capsys) -> None:
    def act(stage: Any) -> None:
        stage.wait(lambda: False, "the impossible", 0.0)

    monkeypatch.setitem(
        DRILLS, "cut-feed", type(DRILLS["cut-feed"])(name="cut-feed", breaks="b", expected="e", act=act)
    )
    with pytest.raises(SystemExit) as ended:
        call_command("drill", "cut-feed")
    assert ended.value.code == 1
    assert "NOT as expected: not within 0 s: the impossible" in capsys.readouterr().out
    with pytest.raises(NotSeen):
        run.wait(lambda: False, "x", 0.0)


def test_the_list_says_what_breaks_and_what_is_expected(capsys) -> None:
    call_command("drill", "--list")
    said = capsys.readouterr().out
    assert all(drill.name in said and drill.expected in said for drill in DRILLS.values())
