"""Losses, targets, drawdown and rates are judged in the gate's own transaction, over all bots of an account."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from bots.models import Account, AuditEntry, Bot, Order, PerformanceState, Position
from bots.operations.clear_kill_switch import clear_kill_switch
from bots.operations.kill_switch import Scope
from bots.orders.checks import broken_invariants
from bots.orders.connections import open_pool
from bots.orders.store import OrderStore
from bots.trading.records import Denied, LeaseToken, SubmittedOrder
from bots.trading.risk import RiskCode
from bots.trading.vocabulary import OrderState, Purpose
from tests.integration.orders.cast import STEP_NS, T0, TERMS, Cast, filled, make_bot, report

D = Decimal
SECOND_NS = 1_000_000_000
# The clock of a row is read before its commit: gates within it may not have seen the row.
COMMIT = timedelta(seconds=1)


def codes(answer: Any) -> set[str]:
    assert isinstance(answer, Denied), answer
    return {reason.code for reason in answer.reasons}


async def round_trip(cast: Cast, store: OrderStore, lease: LeaseToken, price: str, **changes: Any) -> None:
    """Buy for 300 at 100,000 and sell all of it at another price."""
    _, bought = await cast.enter(store, lease, **changes)
    leave = await cast.submit(store, cast.exit_plan(bought.position, D("0.00299"), **changes), lease)
    sold = await store.record(filled(leave, D(price)), lease)
    assert sold.closed is not None


@pytest.fixture
async def other(cast: Cast) -> AsyncIterator[OrderStore]:
    """The connections of a second engine."""
    pool = await open_pool(min_size=1, max_size=4)
    yield OrderStore(pool, terms=TERMS)
    await pool.close()


async def test_the_days_loss_of_a_bot_counts_what_is_open_at_its_mark(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    await cast.enter(store, lease, instrument=cast.eth)
    # 3 % of a capital of 2,000 are 60: 0.002997 marked at 79,000 cost 299.70 and a fee of 0.30.
    await Position.objects.aupdate(mark_price=D(79_000))
    denied = await cast.submit(store, cast.plan(), lease)
    assert RiskCode.DAILY_LOSS in codes(denied)
    assert "no entries until 00:00 UTC" in denied.reasons[-1].text


async def test_a_loss_of_yesterday_is_no_loss_of_today(cast: Cast, store: OrderStore) -> None:
    await Bot.objects.aupdate(daily_loss_limit=D("0.001"))
    lease = await cast.lease(store)
    await round_trip(cast, store, lease, "99000.00")
    assert codes(await cast.submit(store, cast.plan(), lease)) == {RiskCode.DAILY_LOSS}
    tomorrow = T0 + 86_400 * SECOND_NS
    assert isinstance(await cast.submit(store, cast.plan(decided_at_ns=tomorrow), lease), SubmittedOrder)


async def test_a_target_of_the_week_stops_entries(cast: Cast, store: OrderStore) -> None:
    await Bot.objects.aupdate(weekly_target=D("0.005"))
    lease = await cast.lease(store)
    await round_trip(cast, store, lease, "104000.00")
    assert codes(await cast.submit(store, cast.plan(), lease)) == {RiskCode.WEEKLY_TARGET}


async def test_a_drawdown_restricts_the_bot_to_exits_and_clearing_measures_from_there(
    cast: Cast, store: OrderStore
) -> None:
    await Bot.objects.aupdate(maximum_drawdown=D("0.02"))
    lease = await cast.lease(store)
    await PerformanceState.objects.acreate(bot=cast.bot, baseline_peak=D(100))
    denied = await cast.submit(store, cast.plan(), lease)
    assert codes(denied) == {RiskCode.DRAWDOWN}
    assert (denied.latched.scope, denied.latched.ladder.value) == ("bot", "reduce")
    bot = await Bot.objects.aget(pk=cast.bot.pk)
    assert (bot.ladder, "below its peak of 2100.00" in bot.ladder_reason) == ("reduce", True)
    assert (await AuditEntry.objects.aget(action="bot.reduce")).target == f"bot:{bot.pk}"

    await sync_to_async(clear_kill_switch)(
        scope=Scope.BOT, target_id=bot.pk, reason="looked at it", actor=cast.alice, now=timezone.now()
    )
    assert isinstance(await cast.submit(store, cast.plan(), lease), SubmittedOrder)
    state = await PerformanceState.objects.aget(bot=bot)
    assert (state.baseline_peak, state.baseline_reason) == (D(0), "looked at it")
    cleared = await AuditEntry.objects.aget(action="kill_switch.clear")
    assert (cleared.detail["drawdown_from"], cleared.detail["reason"]) == ("2000.00", "looked at it")
    assert (await store.load([bot.pk], T0)).bots[bot.pk].baseline_ns is not None


async def test_the_day_of_an_account_is_that_of_all_its_bots(cast: Cast, store: OrderStore) -> None:
    await Account.objects.aupdate(daily_loss_limit=D("0.001"))
    second = await sync_to_async(make_bot)(cast.account, [cast.btc], "Second")
    tokens = {token.bot_id: token for token in await store.acquire("engine-1")}
    await round_trip(cast, store, tokens[cast.bot.pk], "96000.00")
    denied = await cast.submit(store, cast.plan(bot=second), tokens[second.pk])
    assert codes(denied) == {RiskCode.DAILY_LOSS}
    assert "over all bots" in denied.reasons[0].text


async def test_the_drawdown_of_an_account_restricts_all_its_bots(cast: Cast, store: OrderStore) -> None:
    await Account.objects.aupdate(peak_equity=D(11_200))
    second = await sync_to_async(make_bot)(cast.account, [cast.btc], "Second")
    tokens = {token.bot_id: token for token in await store.acquire("engine-1")}
    assert codes(await cast.submit(store, cast.plan(), tokens[cast.bot.pk])) == {RiskCode.DRAWDOWN}
    account = await Account.objects.aget()
    assert (account.ladder, "10.71 % below its peak" in account.ladder_reason) == ("reduce", True)
    assert RiskCode.REDUCE_ONLY in codes(await cast.submit(store, cast.plan(bot=second), tokens[second.pk]))
    await sync_to_async(clear_kill_switch)(
        scope=Scope.ACCOUNT, target_id=account.pk, reason="money was withdrawn", actor=cast.alice, now=timezone.now()
    )
    assert (await Account.objects.aget()).peak_equity == D(10_000)
    assert isinstance(await cast.submit(store, cast.plan(bot=second), tokens[second.pk]), SubmittedOrder)


async def test_an_order_of_unknown_fate_keeps_all_bots_of_the_account_out_of_its_symbol(
    cast: Cast, store: OrderStore
) -> None:
    second = await sync_to_async(make_bot)(cast.account, [cast.btc, cast.eth], "Second")
    tokens = {token.bot_id: token for token in await store.acquire("engine-1")}
    order = await cast.submit(store, cast.plan(), tokens[cast.bot.pk])
    await store.record(report(order, OrderState.UNKNOWN), tokens[cast.bot.pk])
    assert codes(await cast.submit(store, cast.plan(bot=second), tokens[second.pk])) == {RiskCode.UNKNOWN_ORDER}
    elsewhere = await cast.submit(store, cast.plan(bot=second, instrument=cast.eth), tokens[second.pk])
    assert isinstance(elsewhere, SubmittedOrder)


async def test_more_than_a_message_a_second_waits(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    base = {"decided_at_ns": T0 + STEP_NS}
    for _ in range(2):
        await round_trip(cast, store, lease, "100000.00", **base)
    order = await cast.submit(store, cast.plan(instrument=cast.eth, **base), lease)
    assert isinstance(order, SubmittedOrder)
    at_once = cast.plan(decided_at_ns=T0 + STEP_NS + 4 * SECOND_NS)
    assert codes(await cast.submit(store, at_once, lease)) == {RiskCode.MESSAGE_RATE}
    later = cast.plan(decided_at_ns=T0 + STEP_NS + 5 * SECOND_NS)
    assert isinstance(await cast.submit(store, later, lease), SubmittedOrder)


async def entries(cast: Cast, store: OrderStore, lease: LeaseToken, times_s: list[int], **changes: Any) -> list[Any]:
    """Entries at moments, each of which ends unfilled."""
    answers = []
    for at_s in times_s:
        plan = cast.plan(decided_at_ns=T0 + at_s * SECOND_NS, **changes)
        answers.append(await cast.submit(store, plan, lease))
        if isinstance(answers[-1], SubmittedOrder):
            await store.record(report(answers[-1], OrderState.EXPIRED), lease)
    return answers


async def test_the_third_identical_entry_within_a_minute_turns_the_bot_off_until_a_person_clears_it(
    cast: Cast, store: OrderStore
) -> None:
    lease = await cast.lease(store)
    answers = await entries(cast, store, lease, [0, 20, 40])
    assert [answer.latched is not None for answer in answers] == [False, False, True]
    bot = await Bot.objects.aget(pk=cast.bot.pk)
    assert (bot.ladder, "3 identical entries in BTC/USDT within 60 s" in bot.ladder_reason) == ("pause", True)
    # Not a window that opens again by itself: an hour later it is still off.
    (later,) = await entries(cast, store, lease, [3_600], instrument=cast.eth)
    assert codes(later) == {RiskCode.PAUSED}
    await sync_to_async(clear_kill_switch)(
        scope=Scope.BOT, target_id=bot.pk, reason="it was a drill", actor=cast.alice, now=timezone.now()
    )
    # What was before does not count against it any more.
    again = await entries(cast, store, lease, [50, 55])
    assert [answer.latched for answer in again] == [None, None]


async def test_ten_entries_in_five_minutes_turn_the_bot_off(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    times = [number * 30 for number in range(10)]
    answers = [
        answer
        for number, at_s in enumerate(times)
        for answer in await entries(cast, store, lease, [at_s], instrument=(cast.btc, cast.eth)[number % 2])
    ]
    assert all(isinstance(answer, SubmittedOrder) for answer in answers)
    assert [answer.latched is not None for answer in answers] == [False] * 9 + [True]
    assert "10 entries within 5 minutes" in (await Bot.objects.aget(pk=cast.bot.pk)).ladder_reason


async def test_a_slower_bot_goes_on(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    answers = await entries(cast, store, lease, [number * 34 for number in range(15)])
    assert all(isinstance(answer, SubmittedOrder) and answer.latched is None for answer in answers)


async def test_a_crash_before_the_bot_was_turned_off_lets_no_further_entry_through(
    cast: Cast, store: OrderStore
) -> None:
    lease = await cast.lease(store)
    await entries(cast, store, lease, [0, 20, 40])
    await Bot.objects.aupdate(ladder="active", ladder_reason="")
    (refused,) = await entries(cast, store, lease, [45])
    assert codes(refused) == {RiskCode.REPEAT_THROTTLE}
    assert (await Bot.objects.aget(pk=cast.bot.pk)).ladder == "pause"


async def test_exits_pass_whatever_was_lost(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    _, bought = await cast.enter(store, lease)
    await Bot.objects.aupdate(daily_loss_limit=D("0.0001"), maximum_drawdown=D("0.001"))
    await Account.objects.aupdate(daily_loss_limit=D("0.0001"), peak_equity=D(50_000))
    await Position.objects.aupdate(mark_price=D(50_000))
    plan = cast.exit_plan(bought.position, D("0.00299"))
    assert plan.purpose is Purpose.EXIT
    assert isinstance(await cast.submit(store, plan, lease), SubmittedOrder)


async def test_two_engines_at_once_do_not_exceed_the_message_rate_of_an_account(
    cast: Cast, store: OrderStore, other: OrderStore
) -> None:
    """Thirty bots of one account, half of them led by each engine, enter in the same moment: 25 pass."""
    await Account.objects.aupdate(opening_cash=D(10_000))
    bots = [await sync_to_async(make_bot)(cast.account, [cast.btc, cast.eth], f"Bot {number}") for number in range(30)]
    half = [bot.pk for bot in bots[:15]]
    tokens = {token.bot_id: token for token in await store.acquire("engine-1", bot_ids=half)}
    tokens |= {token.bot_id: token for token in await other.acquire("engine-2", bot_ids=[b.pk for b in bots[15:]])}
    answers = await asyncio.gather(
        *(
            cast.submit(
                store if bot.pk in half else other,
                cast.plan(bot=bot, quantity=D("0.0004"), decided_at_ns=T0),
                tokens[bot.pk],
            )
            for bot in bots
        )
    )
    passed = [answer for answer in answers if isinstance(answer, SubmittedOrder)]
    assert len(passed) == 25
    refused = [codes(answer) for answer in answers if isinstance(answer, Denied)]
    assert refused == [{RiskCode.MESSAGE_RATE}] * 5
    assert await sync_to_async(broken_invariants)() == []


async def test_two_engines_at_once_see_each_others_losses(cast: Cast, store: OrderStore, other: OrderStore) -> None:
    """One engine books the loss that exceeds the account's day, the other enters at the same time, again and again."""
    await Account.objects.aupdate(daily_loss_limit=D("0.001"))
    second = await sync_to_async(make_bot)(cast.account, [cast.btc], "Second")
    (one,) = await store.acquire("engine-1", bot_ids=[cast.bot.pk])
    (two,) = await other.acquire("engine-2", bot_ids=[second.pk])
    _, bought = await cast.enter(store, one)
    leave = await cast.submit(store, cast.exit_plan(bought.position, D("0.00299")), one)
    started = asyncio.Event()

    async def lose() -> None:
        await started.wait()
        await store.record(filled(leave, D("96000.00")), one)

    async def enter(number: int) -> Any:
        if number == 3:
            started.set()
        plan = cast.plan(bot=second, quantity=D("0.0005"), decided_at_ns=T0 + (number + 10) * STEP_NS)
        answer = await cast.submit(other, plan, two)
        if isinstance(answer, SubmittedOrder):
            await other.record(report(answer, OrderState.EXPIRED), two)
        return answer

    losing = asyncio.create_task(lose())
    answers = [await enter(number) for number in range(20)]
    await losing
    sold = await Order.objects.aget(pk=leave.order_id)
    late = Order.objects.filter(bot=second, created_at__gt=sold.updated_at + COMMIT)
    assert not await late.aexists(), "an entry passed its gate after the loss was committed"
    assert codes(answers[-1]) == {RiskCode.DAILY_LOSS}
