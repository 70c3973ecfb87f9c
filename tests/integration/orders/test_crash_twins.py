"""Each guard of the order path taken away: the books' checks, or the lives in virtual time, must notice."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from bots.brokers.venue import Outcome
from bots.orders import gate, record, sql, submit
from bots.orders.checks import broken_invariants
from bots.orders.venue import following
from bots.trading.risk import RiskCode
from bots.trading.vocabulary import OrderState
from tests.chaos.simulation import exchange
from tests.chaos.simulation.ground import empty, live_all
from tests.integration.orders.cast import D, filled, make_bot, report

SEEDS = 200
DEFINITIONS = """
SELECT n.relname, coalesce(pg_get_constraintdef(c.oid), pg_get_indexdef(i.indexrelid)), c.oid IS NOT NULL, t.relname
FROM pg_index i JOIN pg_class n ON n.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype = 'u'
WHERE n.relname = %s
"""


def _run(statement: str, values: Any = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def without(name: str) -> Iterator[None]:
    """A unique constraint or index taken away; what it kept out is deleted before it comes back."""
    ((_, definition, is_constraint, table),) = _run(DEFINITIONS, [name])
    _run(f"ALTER TABLE {table} DROP CONSTRAINT {name}" if is_constraint else f"DROP INDEX {name}")
    try:
        yield
    finally:
        empty()
        _run(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}" if is_constraint else definition)


@pytest.fixture
def taken(cast: Any) -> Iterator[Callable[[str], None]]:
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda name: stack.enter_context(without(name))


def blind(monkeypatch: pytest.MonkeyPatch, *codes: RiskCode) -> None:
    """The gate no longer sees these reasons."""

    def judge(*given: Any) -> Any:
        return tuple(reason for reason in gate.judge(*given) if reason.code not in codes)

    monkeypatch.setattr(submit, "judge", judge)


async def found() -> set[str]:
    return {row.code for row in await sync_to_async(broken_invariants)()}


async def test_a_decision_sent_twice_is_noticed(cast, store, taken, monkeypatch) -> None:
    await sync_to_async(taken)("intent_decided_once")
    lease = await cast.lease(store)
    plan = cast.plan()
    await store.record(report(await cast.submit(store, plan, lease), OrderState.CANCELED), lease)
    assert not await found()
    blind(monkeypatch, RiskCode.DUPLICATE)
    monkeypatch.setattr(submit, "intent_id_of", lambda given: uuid.uuid4())
    again = await cast.submit(store, plan, lease)
    assert not hasattr(again, "reasons"), again
    assert "I6" in await found()


async def test_two_exits_of_a_position_are_noticed(cast, store, taken, monkeypatch) -> None:
    await sync_to_async(taken)("intent_one_exit_per_position")
    lease = await cast.lease(store)
    _, entered = await cast.enter(store, lease)
    blind(monkeypatch, RiskCode.LIVE_ORDER)
    for _ in range(2):
        left = await cast.submit(store, cast.exit_plan(entered.position, D("0.001")), lease)
        assert not hasattr(left, "reasons"), left
    assert "I6" in await found()


async def test_a_trade_booked_twice_is_noticed(cast, store, taken, monkeypatch) -> None:
    await sync_to_async(taken)("fill_once")
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(), lease)
    half = report(order, OrderState.PARTIAL, filled(order).fills[0])
    half = msgspec.structs.replace(
        half, fills=(msgspec.structs.replace(half.fills[0], quantity=order.plan.quantity / 3, fee=D(0)),)
    )
    await store.record(half, lease)
    assert not await found()
    lock = record._lock

    async def forgetful(*given: Any) -> Any:
        locked = await lock(*given)
        return msgspec.structs.replace(locked, trade_ids=frozenset())

    monkeypatch.setattr(record, "_lock", forgetful)
    # The id of a fill is made of its order and trade: the third guard.
    monkeypatch.setattr(uuid, "uuid5", lambda space, name: uuid.uuid4())
    await store.record(half, lease)
    assert "I3" in await found()


async def test_an_entry_beside_an_order_of_unknown_fate_is_noticed(cast, store, monkeypatch) -> None:
    other = await sync_to_async(make_bot)(cast.account, [cast.btc], "Other")
    lease, beside = await cast.lease(store), await cast.lease(store, other)
    order = await cast.submit(store, cast.plan(), lease)
    await store.record(report(order, OrderState.UNKNOWN), lease)
    plan = cast.plan(bot=other)
    refused = await cast.submit(store, plan, beside)
    assert {reason.code for reason in refused.reasons} == {RiskCode.UNKNOWN_ORDER}
    assert not await found()
    blind(monkeypatch, RiskCode.UNKNOWN_ORDER)
    await cast.submit(store, msgspec.structs.replace(plan, slot=plan.slot + 1), beside)
    assert "I13" in await found()


async def test_an_order_of_a_lost_lease_is_noticed(cast, store, monkeypatch) -> None:
    stale = await cast.lease(store)
    await store.release([stale], stale.holder)
    owner = await cast.lease(store, holder="engine-2")
    order = await cast.submit(store, cast.plan(), owner)
    await store.record(report(order, OrderState.CANCELED), owner)
    assert {reason.code for reason in (await cast.submit(store, cast.plan(), stale)).reasons} == {RiskCode.LEASE}
    _without_the_epoch(monkeypatch)
    await cast.submit(store, cast.plan(), stale)
    assert "I7" in await found()


def _without_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate asks for a lease, but not for whose."""
    asked = (
        "l.epoch = %(epoch)s AND l.holder = %(holder)s\n           AND l.expires_at > clock_timestamp() + %(margin)s"
    )
    assert asked in sql.LOCK_GATE
    monkeypatch.setattr(sql, "LOCK_GATE", sql.LOCK_GATE.replace(asked, "true"))
    writing = "WHERE bot_id = %(bot_id)s AND epoch = %(epoch)s AND holder = %(holder)s"
    assert writing in sql.PASS_GATE
    monkeypatch.setattr(
        sql,
        "PASS_GATE",
        sql.PASS_GATE.replace(writing, "WHERE bot_id = %(bot_id)s OR %(epoch)s = 0 OR %(holder)s = ''"),
    )


def test_orders_called_absent_without_proof_are_noticed(transactional_db, monkeypatch) -> None:
    monkeypatch.setattr(following, "missing", lambda known: ())
    lives = live_all(range(SEEDS), began_ns=time.time_ns())
    assert lives.problems, f"{lives.lives} lives did not depend on the proof"


def test_orders_sent_by_a_process_that_slept_past_its_lease_are_noticed(transactional_db, monkeypatch) -> None:
    monkeypatch.setattr(exchange.Exchange, "is_over", lambda self, order: False)
    lives = live_all(range(SEEDS), began_ns=time.time_ns())
    assert any("lost its lease" in problem for problem in lives.problems), lives.problems


def test_answers_that_are_sent_again_are_noticed(transactional_db, monkeypatch) -> None:
    """A second sending of what was not answered, as a library's own retries would do."""
    place = exchange.Door.place

    async def again(self: exchange.Door, order: Any) -> Any:
        answer = await place(self, order)
        return await place(self, order) if answer.outcome is Outcome.UNCLEAR else answer

    monkeypatch.setattr(exchange.Door, "place", again)
    monkeypatch.setattr(exchange.Exchange, "is_over", lambda self, order: False)
    lives = live_all(range(SEEDS), began_ns=time.time_ns())
    assert any("received 2 times" in problem for problem in lives.problems), lives.problems
