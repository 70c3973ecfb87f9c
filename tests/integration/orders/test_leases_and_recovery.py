"""Engines own bots by lease; what a dead one left behind is settled by its successor, whatever it died in."""

import asyncio
import random
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from bots.models import Balance, Bot, BotLease, Decision, Fill, Intent, Order, Position
from bots.orders import leases, sql
from bots.orders.checks import broken_invariants
from bots.orders.connections import open_connection
from bots.orders.marks import Mark
from bots.orders.results import Recorded
from bots.orders.store import OrderStore
from bots.trading.records import Denied, LeaseToken, SubmittedOrder
from bots.trading.risk import RiskCode
from bots.trading.vocabulary import Ladder, OrderState, OrderType
from tests.integration.orders.cast import T0, TERMS, Cast, fill_of, filled, report

D = Decimal


async def assert_clean() -> None:
    assert await sync_to_async(broken_invariants)() == []


async def expire(bot_id: int) -> None:
    await BotLease.objects.filter(pk=bot_id).aupdate(expires_at=timezone.now() - timedelta(seconds=1))


async def succeed(cast: Cast, store: OrderStore) -> LeaseToken:
    """The owner is dead; another engine takes over."""
    await expire(cast.bot.pk)
    return await cast.lease(store, holder="engine-2")


async def test_one_of_ten_engines_gets_the_bot(cast: Cast, store: OrderStore) -> None:
    taken = await asyncio.gather(*(store.acquire(f"engine-{number}") for number in range(10)))
    assert sorted(len(tokens) for tokens in taken) == [0] * 9 + [1]


async def test_a_renewed_lease_is_not_taken(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    assert await store.renew([lease], "engine-1") == []
    assert await store.acquire("engine-2") == []


async def test_an_expired_lease_is_taken_with_the_next_epoch_and_its_owner_hears_of_it(
    cast: Cast, store: OrderStore
) -> None:
    lease = await cast.lease(store)
    newer = await succeed(cast, store)
    assert newer == LeaseToken(bot_id=cast.bot.pk, holder="engine-2", epoch=lease.epoch + 1)
    assert await store.renew([lease], "engine-1") == [lease]
    assert (await BotLease.objects.aget(pk=cast.bot.pk)).holder == "engine-2"


async def test_a_lease_about_to_run_out_passes_no_gate(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    await BotLease.objects.filter(pk=cast.bot.pk).aupdate(
        expires_at=timezone.now() + timedelta(seconds=TERMS.margin_s - 1)
    )
    denied = await cast.submit(store, cast.plan(), lease)
    assert isinstance(denied, Denied)
    assert [reason.code for reason in denied.reasons] == [RiskCode.LEASE]


async def test_a_lease_cannot_be_stolen_while_a_gate_holds_it(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    async with store.pool.connection() as gate:
        values = {"bot_id": cast.bot.pk, "epoch": lease.epoch, "holder": lease.holder, "margin": timedelta(seconds=5)}
        await gate.execute(sql.LOCK_GATE, values)
        await expire_skipping_locks(cast.bot.pk)
        assert await store.acquire("engine-2") == []
        assert await store.renew([lease], "engine-1") == []


async def expire_skipping_locks(bot_id: int) -> None:
    """A lease that ran out while its row was locked: the clock did it, nobody wrote."""
    assert await BotLease.objects.filter(pk=bot_id).aexists()


async def test_a_stopped_bot_with_a_position_is_still_looked_after(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    await cast.enter(store, lease)
    await Bot.objects.filter(pk=cast.bot.pk).aupdate(state="stopped")
    await store.release([lease], "engine-1")
    assert [token.bot_id for token in await store.acquire("engine-2")] == [cast.bot.pk]


async def test_a_stopped_bot_without_one_is_not(cast: Cast, store: OrderStore) -> None:
    await Bot.objects.filter(pk=cast.bot.pk).aupdate(state="stopped")
    assert await store.acquire("engine-1") == []


def test_the_monitor_takes_and_returns_leases_without_awaiting(cast: Cast) -> None:
    with open_connection() as connection:
        tokens = leases.acquire_sync(connection, holder="monitor", terms=TERMS, bot_ids=None)
        assert [token.bot_id for token in tokens] == [cast.bot.pk]
        leases.release_sync(connection, tokens, holder="monitor")
    assert BotLease.objects.get().expires_at is None


class Crash(Exception):
    """The process dies here."""


class DyingConnection:
    """Runs statements until the one it dies before."""

    def __init__(self, connection: Any, dies_before: str) -> None:
        self.connection, self.dies_before = connection, dies_before

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    async def execute(self, statement: str, values: Any = None) -> Any:
        if statement == self.dies_before:
            raise Crash
        return await self.connection.execute(statement, values)

    async def commit(self) -> None:
        if self.dies_before == "COMMIT":
            raise Crash
        await self.connection.commit()
        if self.dies_before == "AFTER COMMIT":
            raise Crash


class DyingPool:
    def __init__(self, pool: Any, dies_before: str) -> None:
        self.pool, self.dies_before = pool, dies_before

    def connection(self) -> Any:
        return DyingContext(self.pool.connection(), self.dies_before)


class DyingContext:
    def __init__(self, context: Any, dies_before: str) -> None:
        self.context, self.dies_before = context, dies_before

    async def __aenter__(self) -> Any:
        return DyingConnection(await self.context.__aenter__(), self.dies_before)

    async def __aexit__(self, *error: Any) -> Any:
        return await self.context.__aexit__(*error)


def dying(store: OrderStore, dies_before: str) -> OrderStore:
    return OrderStore(DyingPool(store.pool, dies_before), terms=TERMS)  # type: ignore[arg-type]


@pytest.mark.parametrize("point", [sql.LOCK_GATE, sql.GATE_FACTS, sql.PASS_GATE, "COMMIT"])
async def test_a_crash_before_the_gate_commits_leaves_nothing(cast: Cast, store: OrderStore, point: str) -> None:
    """CP0, CP1, CP2."""
    lease = await cast.lease(store)
    plan = cast.plan(slot=9)
    with pytest.raises(Crash):
        await cast.submit(dying(store, point), plan, lease)
    assert await Intent.objects.acount() == await Order.objects.acount() == await Decision.objects.acount() == 0
    successor = await succeed(cast, store)
    assert (await store.recover([successor])).resolved == ()
    await assert_clean()
    assert isinstance(await cast.submit(store, plan, successor), SubmittedOrder)


@pytest.mark.parametrize("committed", [True, False])
async def test_a_crash_after_the_gate_ends_absent_and_frees_everything(
    cast: Cast, store: OrderStore, committed: bool
) -> None:
    """CP3, CP4, CP5, CP6: on paper no fill was committed, so the order never was."""
    lease = await cast.lease(store)
    if committed:
        order = await cast.submit(store, cast.plan(), lease)
        assert isinstance(order, SubmittedOrder)
    else:
        with pytest.raises(Crash):
            await cast.submit(dying(store, "AFTER COMMIT"), cast.plan(), lease)
    recovery = await store.recover([await succeed(cast, store)])
    assert [found.order.state for found in recovery.resolved] == [OrderState.ABSENT]
    assert (await Balance.objects.aget(asset="USDT")).reserved == 0
    assert (await Intent.objects.aget()).closed_at is not None
    await assert_clean()


@pytest.mark.parametrize("point", [sql.LOCK_ORDER, sql.ORDER_FILLS, sql.UPDATE_ORDER, "COMMIT"])
async def test_a_crash_while_a_fill_is_booked_books_nothing(cast: Cast, store: OrderStore, point: str) -> None:
    """CP7, CP8."""
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(), lease)
    with pytest.raises(Crash):
        await dying(store, point).record(filled(order), lease)
    assert await Fill.objects.acount() == await Position.objects.acount() == 0
    await assert_clean()
    recovery = await store.recover([await succeed(cast, store)])
    assert [found.order.state for found in recovery.resolved] == [OrderState.ABSENT]
    await assert_clean()


async def test_a_crash_after_a_fill_was_booked_loses_nothing(cast: Cast, store: OrderStore) -> None:
    """CP8, the other side of its commit."""
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(), lease)
    with pytest.raises(Crash):
        await dying(store, "AFTER COMMIT").record(filled(order), lease)
    successor = await succeed(cast, store)
    assert (await store.recover([successor])).resolved == ()
    state = await store.load([cast.bot.pk], T0)
    assert [position.quantity for position in state.positions] == [D("0.002997")]
    again = await store.record(filled(order), successor)
    assert isinstance(again, Recorded)
    assert not again.changed
    await assert_clean()


async def test_a_crash_during_recovery_is_recovered_from(cast: Cast, store: OrderStore) -> None:
    """CP9."""
    lease = await cast.lease(store)
    for instrument in (cast.btc, cast.eth):
        await cast.submit(store, cast.plan(instrument=instrument), lease)
    successor = await succeed(cast, store)
    with pytest.raises(Crash):
        await dying(store, "AFTER COMMIT").recover([successor])
    recovery = await store.recover([successor])
    assert len(recovery.resolved) == 1
    assert {order.state async for order in Order.objects.all()} == {"absent"}
    await assert_clean()


async def test_a_resting_order_is_given_to_the_broker_again(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(order_type=OrderType.LIMIT), lease)
    await store.record(report(order, OrderState.PARTIAL, fill_of(order, 1, D("0.001"))), lease)
    successor = await succeed(cast, store)
    resting = (await store.recover([successor])).resting
    assert [(found.order.order_id, found.filled, found.fills) for found in resting] == [(order.order_id, D("0.001"), 1)]
    assert resting[0].order.plan == msgspec.structs.replace(order.plan, quantity=D("0.003"))
    rest = await store.record(report(order, OrderState.FILLED, fill_of(order, 2, D("0.002"))), successor)
    assert isinstance(rest, Recorded)
    assert rest.order.state is OrderState.FILLED
    await assert_clean()


async def test_a_resting_order_whose_cancel_was_asked_for_is_cancelled(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(order_type=OrderType.LIMIT), lease)
    await store.record(report(order, OrderState.OPEN), lease)
    assert await store.request_cancel(order.order_id, lease)
    recovery = await store.recover([await succeed(cast, store)])
    assert [found.order.state for found in recovery.resolved] == [OrderState.CANCELED]
    await assert_clean()


async def test_a_lost_commit_answer_is_looked_up_and_not_sent_again(cast: Cast, store: OrderStore) -> None:
    """The connection is cut after the server committed."""
    lease = await cast.lease(store)

    class Cutting(DyingConnection):
        async def commit(self) -> None:
            await self.connection.commit()
            raise psycopg.OperationalError("the connection is lost")

    class CuttingContext(DyingContext):
        async def __aenter__(self) -> Any:
            return Cutting(await self.context.__aenter__(), "")

    class CuttingPool(DyingPool):
        def connection(self) -> Any:
            return CuttingContext(self.pool.connection(), "")

    cutting = OrderStore(CuttingPool(store.pool, ""), terms=TERMS)  # type: ignore[arg-type]
    order = await cast.submit(cutting, cast.plan(), lease)
    assert isinstance(order, SubmittedOrder)
    assert await Order.objects.acount() == 1


async def test_marks_of_a_lost_lease_are_not_written(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    _, bought = await cast.enter(store, lease)

    def mark(epoch: int) -> Mark:
        return Mark(
            position_id=bought.position.position_id, epoch=epoch, mark_price=D(101_000), high_water_mark=D(101_000),
            stop_price=D(99_000), marked_at_ns=T0,
        )  # fmt: skip

    assert await store.save_marks([mark(lease.epoch - 1)]) == set()
    assert await store.save_marks([mark(lease.epoch)]) == {bought.position.position_id}
    row = await Position.objects.aget()
    assert (row.mark_price, row.high_water_mark, row.stop_price) == (D(101_000), D(101_000), D(99_000))


async def test_a_mark_leaves_a_stop_that_a_person_has_set_since(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    _, bought = await cast.enter(store, lease)
    await Position.objects.aupdate(stop_price=D(95_000), revision=1)
    mark = Mark(
        position_id=bought.position.position_id, epoch=lease.epoch, mark_price=D(101_000), high_water_mark=D(101_000),
        stop_price=D(99_000), marked_at_ns=T0,
    )  # fmt: skip
    await store.save_marks([mark])
    row = await Position.objects.aget()
    assert (row.mark_price, row.stop_price) == (D(101_000), D(95_000))
    await store.save_marks([msgspec.structs.replace(mark, stop_price=D(96_000), revision=1)])
    assert (await Position.objects.aget()).stop_price == D(96_000)


async def test_the_engine_loads_what_the_books_say(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    _, bought = await cast.enter(store, lease)
    leave = await cast.submit(store, cast.exit_plan(bought.position, D("0.00299")), lease)
    sold = await store.record(filled(leave, D("90000.00")), lease)
    await cast.submit(store, cast.plan(instrument=cast.eth), lease)
    state = await store.load([cast.bot.pk], T0 + 1)
    bot, results = state.bots[cast.bot.pk], state.results[cast.bot.pk]
    assert [rules.symbol for rules in bot.instruments] == ["BTC/USDT", "ETH/USDT"]
    assert bot.limits.stop_loss == D("0.02")
    assert results.realised_today == results.realised_week == results.realised_total == sold.closed.net_pnl
    assert results.trades_today == 2
    assert [entry[1] for entry in results.recent_entries] == ["BTC/USDT", "ETH/USDT"]
    assert [order.symbol for order in state.orders] == ["ETH/USDT"]
    assert state.balances[cast.account.pk]["USDT"].reserved == D(309)


async def test_drawdown_reduces_a_bot_and_never_loosens_a_stricter_step(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    assert await store.restrict_bot(lease, Ladder.REDUCE, "drawdown")
    assert not await store.restrict_bot(lease, Ladder.PAUSE, "again")
    assert (await Bot.objects.aget(pk=cast.bot.pk)).ladder == "reduce"


@pytest.mark.parametrize("seed", range(5))
async def test_random_lives_with_crashes_leave_the_ledger_exact(cast: Cast, store: OrderStore, seed: int) -> None:
    """Entries, partial fills, exits, crashes and takeovers in any order."""
    rng = random.Random(seed)
    lease = await cast.lease(store)
    for _step in range(25):
        state = await store.load([cast.bot.pk], T0)
        held = {position.instrument_id: position for position in state.positions}
        instrument = rng.choice([cast.btc, cast.eth])
        position = held.get(instrument.pk)
        if position is None:
            plan = cast.plan(instrument=instrument, quantity=D(rng.randint(50, 300)) / 100_000)
        else:
            lots = int(position.quantity / D("0.00001"))
            plan = cast.exit_plan(position, D(rng.randint(1, lots)) * D("0.00001"), instrument=instrument)
        point = rng.choice(["", "", "", sql.PASS_GATE, "COMMIT", "AFTER COMMIT"])
        try:
            order = await cast.submit(dying(store, point) if point else store, plan, lease)
            assert isinstance(order, SubmittedOrder), order
            parts = rng.randint(1, 3)
            lots = int(plan.quantity / D("0.00001"))
            cuts = sorted({rng.randint(1, lots) for _ in range(parts)})
            for number, (low, high) in enumerate(zip([0, *cuts], cuts, strict=False), 1):
                fill = fill_of(order, number, (high - low) * D("0.00001"), D(rng.randint(99_10000, 100_90000)) / 100)
                point = rng.choice(["", "", "", "", sql.UPDATE_ORDER, "AFTER COMMIT"])
                await (dying(store, point) if point else store).record(report(order, OrderState.PARTIAL, fill), lease)
            await store.record(report(order, OrderState.EXPIRED), lease)
        except Crash:
            await expire(cast.bot.pk)
            lease = await cast.lease(store, holder=f"engine-{uuid.UUID(int=rng.getrandbits(128))}")
            await store.recover([lease])
        await assert_clean()
    assert await Fill.objects.acount() > 0
