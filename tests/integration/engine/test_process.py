"""`runbots` as a process: killed while it trades, started again, stopped gently."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from bots.models import BotLease, Fill, Position, Signal, Trade
from bots.orders.checks import broken_invariants
from marketdata.models import BarRow
from tests.integration.engine.market import TestFeed, bars_rows, eventually
from tests.integration.engine.test_engine import PRICE, eager_bot
from tests.integration.orders.cast import Cast
from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]
KILLS = 4
STOP = Decimal("0.0002")


class Engines:
    """Engine processes of one test, all stopped at its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        database = connection.settings_dict
        url = f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
        self._env = os.environ | {"DATABASE_URL": url, "LEASE_TTL_S": "3", "LEASE_RENEW_S": "0.5"}

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(ROOT / "manage.py"), "runbots", *arguments]
        log = (self._folder / f"engine{len(self._running)}.log").open("wb")
        process = subprocess.Popen(command, env=self._env | env, stdout=log, stderr=log, cwd=ROOT)
        self._running.append(process)
        return process

    def said(self, number: int = -1) -> str:
        number = number % len(self._running)
        return (self._folder / f"engine{number}.log").read_text(errors="replace")

    def stop(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()


@pytest.fixture
def engines(cast: Cast, tmp_path: Path) -> Iterator[Engines]:
    started = Engines(tmp_path)
    yield started
    started.stop()


@pytest.fixture
async def market(cast: Cast, redis_flush: None) -> AsyncIterator[TestFeed]:
    await sync_to_async(BarRow.objects.bulk_create)(await sync_to_async(bars_rows)(cast.btc, price=PRICE))
    yield TestFeed()
    await sync_to_async(connections.close_all)()


def more_fills_than(before: int) -> bool:
    return Fill.objects.count() > before


def zigzag(i: int) -> float:
    """Up and down by more than a scalper's stop, slowly enough to be seen."""
    return round(PRICE * (1 + 0.0003 * (abs((i % 100) - 50) / 25 - 1)), 2)


@pytest.mark.slow
async def test_an_engine_killed_while_it_trades_leaves_books_that_the_next_one_goes_on_with(
    cast: Cast, market: TestFeed, engines: Engines
) -> None:
    seed = int(os.environ.get("TEST_SEED", "7"))
    rng = random.Random(seed)
    for kill in range(KILLS):
        # A new one each time: a bot may not make the same entry more than three times a minute.
        await eager_bot(cast, f"Scalper {kill}", stop_loss=STOP, take_profit=STOP)
        before = await sync_to_async(Fill.objects.count)()
        process = engines.start("--engine-id", f"engine-{kill}")
        await market.play(zigzag, partial(more_fills_than, before))
        for i in range(rng.randrange(1, 25)):
            await market.send(*market.market(zigzag(i)))
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert await sync_to_async(broken_invariants)() == [], f"after kill {kill}, seed {seed}"
    engines.start("--engine-id", "last")
    await eager_bot(cast, "Last scalper", stop_loss=STOP, take_profit=STOP)
    trades = await sync_to_async(Trade.objects.count)()
    await market.play(zigzag, lambda: Trade.objects.count() > trades)
    assert await sync_to_async(broken_invariants)() == []


async def test_a_supervisors_next_engine_takes_the_bots_of_the_one_that_ended(
    cast: Cast, market: TestFeed, engines: Engines
) -> None:
    mine, other = await eager_bot(cast, "Mine"), await eager_bot(cast, "Another engine's")
    far = timezone.now() + timedelta(hours=1)
    leases = BotLease.objects.filter
    await BotLease.objects.acreate(bot=mine, holder="local-1:dead", epoch=4, expires_at=far)
    await BotLease.objects.acreate(bot=other, holder="local-10:alive", epoch=4, expires_at=far)
    engines.start("--engine-id", "local-1", "--inherit")
    await eventually(lambda: leases(bot=mine, epoch=5, holder__startswith="local-1:").exists())
    assert await leases(bot=other, epoch=4, holder="local-10:alive").aexists()


async def test_a_gentle_stop_writes_what_waits_and_gives_the_bots_back(
    cast: Cast, market: TestFeed, engines: Engines
) -> None:
    bot = await eager_bot(cast)
    process = engines.start("--json")
    await market.play(lambda i: PRICE + i % 3, lambda: Position.objects.filter(closed_at=None).exists())
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, PATIENCE_S) == 0, engines.said()
    assert await sync_to_async(lambda: BotLease.objects.get(bot=bot).holder)() == ""
    await eventually(lambda: Signal.objects.filter(bot=bot, decision_id__isnull=False).exists())
    assert '"event": "stopped"' in engines.said()
    assert "[TRADE EXECUTION] filled" in engines.said()
    assert "[TRADING LOOP]" in engines.said()


async def test_a_duration_ends_it_cleanly(cast: Cast, engines: Engines) -> None:
    process = engines.start("--duration", "1")
    assert await asyncio.to_thread(process.wait, 30) == 0, engines.said()


@pytest.mark.parametrize(
    ("arguments", "env", "code", "words"),
    [
        (("--duration", "0"), {}, 2, "--duration"),
        (("--inherit",), {}, 2, "--engine-id"),
        ((), {"DATABASE_URL": "postgres://nobody:x@127.0.0.1:9/none"}, 5, "DATABASE_URL"),
    ],
    ids=["no duration", "inherit from whom", "no database"],
)
def test_what_cannot_work_is_refused_with_what_to_do(
    cast: Cast, engines: Engines, arguments: tuple[str, ...], env: dict[str, str], code: int, words: str
) -> None:
    process = engines.start(*arguments, **env)
    assert process.wait(30) == code, engines.said()
    assert words in engines.said()
    assert "Traceback" not in engines.said()


def test_an_empty_database_is_refused_with_what_to_do(cast: Cast, engines: Engines) -> None:
    database = connection.settings_dict
    url = f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/postgres"
    process = engines.start(DATABASE_URL=url)
    assert process.wait(30) == 5, engines.said()
    assert "manage.py migrate" in engines.said()


def test_an_old_schema_is_refused_with_what_is_missing(cast: Cast, engines: Engines) -> None:
    recorder = MigrationRecorder(connection)
    ((_, newest),) = MigrationExecutor(connection).loader.graph.leaf_nodes("bots")
    recorder.record_unapplied("bots", newest)
    try:
        assert engines.start().wait(30) == 5
    finally:
        recorder.record_applied("bots", newest)
    assert f"bots.{newest}" in engines.said()
    assert "manage.py migrate" in engines.said()
