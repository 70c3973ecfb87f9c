"""A decision passes the gate, is filled, becomes a position, and ends as a trade; the books agree at every step."""

import asyncio
import random
from decimal import Decimal

import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from bots.models import (
    Balance,
    Bot,
    Decision,
    Fill,
    Intent,
    JournalLeg,
    Order,
    OrderEvent,
    Position,
    Trade,
)
from bots.operations.engage_kill_switch import engage_kill_switch
from bots.operations.kill_switch import Scope
from bots.orders.checks import broken_invariants
from bots.orders.results import Recorded, StaleLease
from bots.orders.store import OrderStore
from bots.trading.records import Denied, SubmittedOrder
from bots.trading.risk import RiskCode
from bots.trading.vocabulary import ExitReason, Ladder, OrderState
from tests.integration.orders.cast import Cast, fill_of, filled, make_bot, report

D = Decimal


def balance(cast: Cast, asset: str) -> tuple[Decimal, Decimal]:
    row = Balance.objects.get(account=cast.account, asset=asset)
    return row.total, row.reserved


def codes(denied: Denied) -> set[str]:
    assert isinstance(denied, Denied)
    return {reason.code for reason in denied.reasons}


async def assert_clean() -> None:
    assert await sync_to_async(broken_invariants)() == []


async def test_a_round_trip_leaves_cash_changed_by_pnl_less_fees(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    plan = cast.plan()
    order = await cast.submit(store, plan, lease)
    assert isinstance(order, SubmittedOrder)
    assert await sync_to_async(balance)(cast, "USDT") == (D(10_000), D("309"))
    await assert_clean()

    bought = await store.record(filled(order), lease)
    assert isinstance(bought, Recorded)
    assert bought.position is not None
    assert bought.position.quantity == D("0.002997")
    assert bought.position.stop_price == D(98_000)
    assert bought.order.state is OrderState.FILLED
    assert bought.order.execution_ms is not None
    assert await sync_to_async(balance)(cast, "USDT") == (D(9_700), D(0))
    await assert_clean()

    # The fee was paid in base: three millionths of a lot are too little to sell and stay as dust.
    leave = await cast.submit(store, cast.exit_plan(bought.position, D("0.00299")), lease)
    assert isinstance(leave, SubmittedOrder)
    sold = await store.record(filled(leave, D("101000.00")), lease)
    assert isinstance(sold, Recorded)
    assert sold.position is None
    assert sold.closed is not None
    assert sold.closed.dust == D("0.000007")
    assert sold.closed.exit_reason is ExitReason.STOP_LOSS
    total, reserved = await sync_to_async(balance)(cast, "USDT")
    assert reserved == 0
    assert total - 10_000 == sold.closed.net_pnl
    trade = await Trade.objects.aget()
    assert trade.realised_pnl == sold.closed.net_pnl
    assert trade.decision_id == order.decision_id
    await assert_clean()


async def test_the_decision_and_all_its_evidence_are_stored(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    order, _ = await cast.enter(store, lease)
    decision = await Decision.objects.aget(pk=order.decision_id)
    assert decision.components == [{"name": "technical", "value": None}]
    events = [event async for event in OrderEvent.objects.filter(order_id=order.order_id)]
    assert [(event.from_state, event.to_state) for event in events] == [("planned", "sending"), ("sending", "filled")]
    assert events[1].evidence["venue"] == "test"


async def test_the_same_decision_is_never_sent_twice(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    plan = cast.plan(slot=7)
    assert isinstance(await cast.submit(store, plan, lease), SubmittedOrder)
    again = await cast.submit(store, plan, lease)
    assert codes(again) == {RiskCode.DUPLICATE}
    assert await Order.objects.acount() == 1
    assert await Decision.objects.filter(verdict="rejected").acount() == 1


async def test_twenty_at_once_of_the_same_decision_send_one(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    plan = cast.plan(slot=7)
    answers = await asyncio.gather(*(cast.submit(store, plan, lease) for _ in range(20)))
    assert sum(isinstance(answer, SubmittedOrder) for answer in answers) == 1
    await assert_clean()


async def test_two_ticks_at_once_cannot_exceed_the_maximum_of_positions(cast: Cast, store: OrderStore) -> None:
    await Bot.objects.filter(pk=cast.bot.pk).aupdate(maximum_positions=1)
    lease = await cast.lease(store)
    plans = [cast.plan(instrument=cast.btc), cast.plan(instrument=cast.eth)] * 1
    answers = await asyncio.gather(*(cast.submit(store, plan, lease) for plan in plans))
    denied = [answer for answer in answers if isinstance(answer, Denied)]
    assert [codes(answer) for answer in denied] == [{RiskCode.MAXIMUM_POSITIONS}]


async def test_bots_at_once_cannot_exceed_the_exposure_of_their_account(cast: Cast, store: OrderStore) -> None:
    bots = [await sync_to_async(make_bot)(cast.account, [cast.btc], name=f"Bot {number}") for number in range(8)]
    tokens = {token.bot_id: token for token in await store.acquire("engine-1")}
    answers = await asyncio.gather(*(cast.submit(store, cast.plan(bot=bot), tokens[bot.pk]) for bot in bots))
    # 20 % of 10,000 holds six orders of 309.
    passed = [answer for answer in answers if isinstance(answer, SubmittedOrder)]
    assert len(passed) == 6
    assert {code for answer in answers if isinstance(answer, Denied) for code in codes(answer)} == {
        RiskCode.SYMBOL_EXPOSURE
    }
    await assert_clean()


async def test_cash_that_is_reserved_cannot_be_spent_again(cast: Cast, store: OrderStore) -> None:
    await Balance.objects.filter(account=cast.account, asset="USDT").aupdate(reserved=D(9_700))
    denied = await cast.submit(store, cast.plan(), await cast.lease(store))
    assert codes(denied) == {RiskCode.BALANCE}


@pytest.mark.parametrize(
    ("settings", "changes", "code"),
    [
        ({"maximum_position_value": D(300)}, {}, RiskCode.POSITION_VALUE),
        ({"maximum_position_value": D(2000)}, {"quantity": D("0.01")}, RiskCode.ORDER_VALUE),
        ({"state": "paused"}, {}, RiskCode.BOT_STATE),
        ({"maximum_trades_per_day": 1}, {}, RiskCode.TRADES_PER_DAY),
    ],
)
async def test_limits_are_judged_again_at_the_gate(
    cast: Cast, store: OrderStore, settings: dict, changes: dict, code: RiskCode
) -> None:
    lease = await cast.lease(store)
    if code is RiskCode.TRADES_PER_DAY:
        await cast.enter(store, lease, instrument=cast.eth)
    await Bot.objects.filter(pk=cast.bot.pk).aupdate(**settings)
    denied = await cast.submit(store, cast.plan(**changes), lease)
    assert codes(denied) == {code}
    assert await Intent.objects.filter(instrument=cast.btc).acount() == 0


@pytest.mark.parametrize("scope", list(Scope))
async def test_the_kill_switch_denies_entries_and_lets_exits_pass(cast: Cast, store: OrderStore, scope: Scope) -> None:
    lease = await cast.lease(store)
    _, bought = await cast.enter(store, lease)
    target = {Scope.INSTALLATION: None, Scope.ACCOUNT: cast.account.pk, Scope.BOT: cast.bot.pk}[scope]
    await sync_to_async(engage_kill_switch)(
        scope=scope, ladder=Ladder.REDUCE, reason="a drill", actor=cast.alice, now=timezone.now(), target_id=target
    )
    denied = await cast.submit(store, cast.plan(instrument=cast.eth), lease)
    assert codes(denied) == {RiskCode.REDUCE_ONLY}
    assert scope.value in denied.reasons[0].text
    assert isinstance(await cast.submit(store, cast.exit_plan(bought.position, D("0.00299")), lease), SubmittedOrder)


async def test_an_exit_is_sent_once_and_never_larger_than_the_position(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    _, bought = await cast.enter(store, lease)
    too_much = await cast.submit(store, cast.exit_plan(bought.position, D("0.003")), lease)
    assert RiskCode.POSITION_GONE in codes(too_much)
    assert isinstance(await cast.submit(store, cast.exit_plan(bought.position, D("0.001")), lease), SubmittedOrder)
    second = await cast.submit(store, cast.exit_plan(bought.position, D("0.001")), lease)
    assert RiskCode.LIVE_ORDER in codes(second)
    await assert_clean()


async def test_an_order_that_expires_unfilled_gives_back_what_it_reserved(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(), lease)
    ended = await store.record(report(order, OrderState.EXPIRED), lease)
    assert isinstance(ended, Recorded)
    assert ended.order.status == "cancelled"
    assert await sync_to_async(balance)(cast, "USDT") == (D(10_000), D(0))
    assert (await Intent.objects.aget()).closed_at is not None
    await assert_clean()


async def test_a_partial_fill_holds_back_only_the_rest(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(), lease)
    first = await store.record(report(order, OrderState.PARTIAL, fill_of(order, 1, D("0.001"))), lease)
    assert isinstance(first, Recorded)
    assert first.order.state is OrderState.PARTIAL
    assert await sync_to_async(balance)(cast, "USDT") == (D(9_900), D("206"))
    await assert_clean()
    rest = await store.record(report(order, OrderState.EXPIRED, fill_of(order, 2, D("0.001"))), lease)
    assert isinstance(rest, Recorded)
    assert (rest.order.state, rest.order.status) == (OrderState.EXPIRED, "filled")
    assert await sync_to_async(balance)(cast, "USDT") == (D(9_800), D(0))
    await assert_clean()


async def test_fills_reported_three_times_in_any_order_count_once(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    rng = random.Random(5)
    order = await cast.submit(store, cast.plan(), lease)
    fills = [fill_of(order, number, D("0.0005"), D(100_000 + number)) for number in range(1, 7)] * 3
    rng.shuffle(fills)
    for fill in fills:
        await store.record(report(order, OrderState.PARTIAL, fill), lease)
    row = await Order.objects.aget(pk=order.order_id)
    assert (row.state, row.filled_quantity) == ("filled", D("0.003"))
    assert await Fill.objects.acount() == 6
    assert row.average_price == D("100003.5")
    await assert_clean()


async def test_a_late_acknowledgement_takes_nothing_back(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    order, _ = await cast.enter(store, lease)
    late = await store.record(report(order, OrderState.OPEN), lease)
    assert isinstance(late, Recorded)
    assert not late.changed
    assert late.order.state is OrderState.FILLED


async def test_filled_without_the_fills_waits_for_them(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(), lease)
    said = await store.record(report(order, OrderState.FILLED), lease)
    assert isinstance(said, Recorded)
    assert said.order.state is OrderState.OPEN
    await assert_clean()


async def test_a_fill_after_expiry_is_booked_and_halts_the_bot(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(), lease)
    await store.record(report(order, OrderState.EXPIRED), lease)
    late = await store.record(filled(order), lease)
    assert isinstance(late, Recorded)
    assert "after it had ended" in late.halted
    assert late.position is not None
    bot = await Bot.objects.aget(pk=cast.bot.pk)
    assert bot.state == "error"
    assert bot.state_reason == late.halted
    await assert_clean()


async def test_a_fill_after_cancel_still_counts(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(), lease)
    await store.record(report(order, OrderState.CANCELED), lease)
    raced = await store.record(filled(order), lease)
    assert isinstance(raced, Recorded)
    assert (raced.order.state, raced.halted) == (OrderState.FILLED, "")
    await assert_clean()


async def test_more_than_was_ordered_halts_the_bot(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    order, _ = await cast.enter(store, lease)
    over = await store.record(report(order, OrderState.FILLED, fill_of(order, 2, D("0.001"))), lease)
    assert isinstance(over, Recorded)
    assert "beyond its quantity" in over.halted
    assert (await Bot.objects.aget(pk=cast.bot.pk)).state == "error"


async def test_a_stale_epoch_is_denied_and_its_reports_are_evidence_only(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(), lease)
    await store.release([lease], "engine-1")
    newer = await cast.lease(store, holder="engine-2")
    assert newer.epoch == lease.epoch + 1
    denied = await cast.submit(store, cast.plan(instrument=cast.eth), lease)
    assert codes(denied) == {RiskCode.LEASE}
    answer = await store.record(filled(order), lease)
    assert isinstance(answer, StaleLease)
    assert await Fill.objects.acount() == 0
    event = await OrderEvent.objects.order_by("id").alast()
    assert event.evidence["stale_epoch"] == lease.epoch
    await assert_clean()


async def test_entries_too_small_to_sell_are_closed_as_dust(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(), lease)
    ended = await store.record(report(order, OrderState.EXPIRED, fill_of(order, 1, D("0.00001"))), lease)
    assert isinstance(ended, Recorded)
    assert ended.closed is not None
    assert ended.closed.exit_reason is ExitReason.DUST
    assert not await Position.objects.filter(closed_at=None).aexists()
    await assert_clean()


async def test_a_fee_in_a_third_asset_is_a_leg_of_its_own(cast: Cast, store: OrderStore) -> None:
    await Balance.objects.acreate(account=cast.account, asset="BNB", total=D(1))
    entry = "6f1a3ad0-0000-4000-8000-000000000001"
    for book, amount in (("wallet", D(1)), ("equity", D(-1))):
        await JournalLeg.objects.acreate(
            account=cast.account, entry=entry, book=book, asset="BNB", amount=amount, kind="deposit"
        )
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(), lease)
    fill = msgspec.structs.replace(fill_of(order, 1, D("0.003")), fee=D("0.0005"), fee_asset="BNB")
    bought = await store.record(report(order, OrderState.FILLED, fill), lease)
    assert isinstance(bought, Recorded)
    assert bought.position is not None
    assert bought.position.quantity == D("0.003")
    assert await sync_to_async(balance)(cast, "BNB") == (D("0.9995"), D(0))
    await assert_clean()


async def test_what_cannot_be_true_is_kept_as_evidence_and_halts_the_bot(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    order = await cast.submit(store, cast.plan(), lease)
    await store.record(report(order, OrderState.OPEN), lease)
    refused = await store.record(report(order, OrderState.ABSENT), lease)
    assert isinstance(refused, Recorded)
    assert "cannot go from open to absent" in refused.halted
    assert refused.order.state is OrderState.OPEN
    bot = await Bot.objects.aget(pk=cast.bot.pk)
    assert (bot.state, bot.state_reason) == ("error", refused.halted)
    event = await OrderEvent.objects.order_by("id").alast()
    assert event.evidence["report"]["state"] == "absent"
    await assert_clean()
