"""The promise of the kill switch: once it is committed, no entry passes a gate, from whichever engine."""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection, transaction

from bots.models import AuditEntry, Bot, Installation, Order, Session
from bots.operations.engage_kill_switch import engage_kill_switch
from bots.operations.kill_switch import Scope
from bots.operations.start_bot import CannotStart, start_bot
from bots.orders.store import OrderStore
from bots.trading.records import Denied, LeaseToken, SubmittedOrder
from bots.trading.risk import RiskCode
from bots.trading.vocabulary import Ladder, OrderState
from tests.integration.orders.cast import Cast, make_bot, report

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
BOTS = 6


def engage(scope: Scope, target_id: int | None) -> datetime:
    """Gives the database's clock right before the commit: what comes later came after it."""
    with transaction.atomic():
        engage_kill_switch(
            scope=scope, target_id=target_id, ladder=Ladder.REDUCE, reason="a drill", actor=None, now=NOW
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            (at,) = cursor.fetchone()
    found: datetime = at
    return found


@pytest.mark.parametrize("scope", list(Scope))
async def test_no_entry_passes_a_gate_after_the_kill_switch_was_committed(
    cast: Cast, store: OrderStore, scope: Scope
) -> None:
    """Six bots ask without a pause; the switch is thrown among them. Whoever passed had passed before."""
    bots = [cast.bot] + [
        await sync_to_async(make_bot)(cast.account, [cast.btc], f"Bot {number}", maximum_entries_per_5_minutes=300)
        for number in range(1, BOTS)
    ]
    concerned = [bot.pk for bot in bots] if scope is not Scope.BOT else [bots[1].pk]
    target = {Scope.INSTALLATION: None, Scope.ACCOUNT: cast.account.pk, Scope.BOT: bots[1].pk}[scope]
    tokens = {token.bot_id: token for token in await store.acquire("engine-1")}
    passed, off = asyncio.Event(), asyncio.Event()
    ended: set[int] = set()

    async def ask(bot: Any, token: LeaseToken) -> None:
        while bot.pk not in ended:
            answer = await cast.submit(store, cast.plan(bot=bot), token)
            if isinstance(answer, SubmittedOrder):
                passed.set()
                await store.record(report(answer, OrderState.EXPIRED), token)
            elif RiskCode.REDUCE_ONLY in {reason.code for reason in answer.reasons}:
                ended.add(bot.pk)
                if set(concerned) <= ended:
                    off.set()

    tasks = [asyncio.create_task(ask(bot, tokens[bot.pk])) for bot in bots]
    async with asyncio.timeout(60):
        await passed.wait()
        committed = await sync_to_async(engage)(scope, target)
        await off.wait()
    ended.update(bot.pk for bot in bots)
    await asyncio.gather(*tasks)
    assert await Order.objects.filter(bot_id__in=concerned, created_at__lte=committed).aexists()
    assert not await Order.objects.filter(bot_id__in=concerned, created_at__gt=committed).aexists()


async def test_a_switch_that_is_being_thrown_is_waited_for(cast: Cast, store: OrderStore) -> None:
    """The gate that comes while it is not committed yet does not pass by the row's old value."""
    lease = await cast.lease(store)
    async with store.pool.connection() as other:
        await other.execute("UPDATE bots_installation SET ladder = 'pause', ladder_reason = 'a drill'")
        asking = asyncio.create_task(cast.submit(store, cast.plan(), lease))
        async with asyncio.timeout(60):
            while not await _is_waiting(store):  # noqa: ASYNC110 - PostgreSQL tells nobody that somebody waits
                await asyncio.sleep(0.01)
        assert not asking.done()
        await other.commit()
    answer = await asking
    assert isinstance(answer, Denied)
    assert {reason.code for reason in answer.reasons} == {RiskCode.PAUSED}


async def _is_waiting(store: OrderStore) -> bool:
    async with store.pool.connection() as connection:
        found = await connection.execute("SELECT count(*) AS n FROM pg_locks WHERE NOT granted")
        return bool((await found.fetchone()).n)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own, with Redis nowhere."""
    found = connection.settings_dict
    address = f"postgres://{found['USER']}:{found['PASSWORD']}@{found['HOST']}:{found['PORT']}/{found['NAME']}"
    environment = os.environ | {"DATABASE_URL": address, "REDIS_URL": "redis://127.0.0.1:1/0"}
    return subprocess.run(
        [sys.executable, "manage.py", "killswitch", *arguments], cwd=settings.BASE_DIR, env=environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_command_needs_neither_redis_nor_web_and_what_it_sets_stays(cast: Cast) -> None:
    on = command("on", "--ladder", "flatten", "--reason", "odd prices")
    assert (on.returncode, on.stdout) == (0, "installation: flatten (odd prices)\n"), on.stderr
    assert Installation.objects.get().ladder == "flatten"
    # Another process sees it, and none lifts it without a reason.
    assert command("off").returncode == 2
    assert command("status").stdout == "installation: flatten (odd prices)\n"
    off = command("off", "--reason", "looked at it")
    assert (off.returncode, off.stdout) == (0, "Nothing is restricted.\n"), off.stderr
    assert [entry.action for entry in AuditEntry.objects.filter(target="installation").order_by("pk")] == [
        "kill_switch.engage", "kill_switch.clear"
    ]  # fmt: skip


def test_of_two_hundred_starts_at_once_one_begins_a_session(cast: Cast) -> None:
    Bot.objects.update(state="stopped")
    with ThreadPoolExecutor(max_workers=40) as pool:
        answers = list(pool.map(_start, [cast.bot.pk] * 200))
    assert (answers.count(True), answers.count(False)) == (1, 199)
    assert Session.objects.filter(bot=cast.bot, ended_at=None).count() == 1
    assert AuditEntry.objects.filter(action="bot.start").count() == 1


def _start(bot_id: int) -> bool:
    try:
        start_bot(bot_id=bot_id, actor=None, now=NOW)
    except CannotStart:
        return False
    finally:
        connection.close()
    return True
