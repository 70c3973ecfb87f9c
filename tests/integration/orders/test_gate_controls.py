"""Who may trade what at all, how a bot behaved, and what all accounts hold together: judged in the gate's transaction."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from bots.models import Account, AuditEntry, Bot, Installation, Intent, Order, PerformanceState, Position
from bots.operations.clear_kill_switch import clear_kill_switch
from bots.operations.create_account import create_account
from bots.operations.engage_kill_switch import engage_kill_switch
from bots.operations.kill_switch import Scope
from bots.operations.start_bot import start_bot
from bots.operations.stop_bot import stop_bot
from bots.orders.latch import latch
from bots.orders.store import OrderStore
from bots.trading.limits import Controls
from bots.trading.records import Denied, LeaseToken, OrderPlan, Restriction, SubmittedOrder
from bots.trading.risk import RiskCode
from bots.trading.vocabulary import ExitReason, Ladder, OrderState, OrderType, Purpose, Side
from marketdata.models import Instrument
from tests.integration.orders.cast import T0, Cast, filled, make_bot, report

D = Decimal


def codes(answer: Any) -> set[str]:
    assert isinstance(answer, Denied), answer
    return {reason.code for reason in answer.reasons}


def resting(cast: Cast, **changes: Any) -> OrderPlan:
    return cast.plan(order_type=OrderType.LIMIT, **changes)


async def test_only_what_the_bot_lists_and_is_traded_is_entered(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    await cast.bot.instruments.aset([cast.eth])
    assert codes(await cast.submit(store, cast.plan(), lease)) == {RiskCode.WATCHLIST}
    await Instrument.objects.filter(pk=cast.eth.pk).aupdate(active=False)
    assert codes(await cast.submit(store, cast.plan(instrument=cast.eth), lease)) == {RiskCode.WATCHLIST}


async def live(cast: Cast, since: Any) -> Account:
    return await sync_to_async(Account.objects.create)(
        owner=cast.alice, name="Real", exchange=cast.exchange, mode="live", opening_cash=0, live_since=since
    )


async def on_account(cast: Cast, account: Account) -> Bot:
    await account.balances.aupdate_or_create(asset="USDT", defaults={"total": D(10_000)})
    return await sync_to_async(make_bot)(account, [cast.btc], "Real")


async def test_a_live_account_enters_only_once_it_is_live_and_a_day_long_at_a_tenth(
    cast: Cast, store: OrderStore
) -> None:
    account = await live(cast, None)
    bot = await on_account(cast, account)
    lease = await cast.lease(store, bot)
    # 0.0004 at 103,000 are 41.20: within a tenth of 450, of 5 % of 10,000, and of a fifth of 10,000.
    small = {"bot": bot, "quantity": D("0.0004")}
    assert codes(await cast.submit(store, cast.plan(**small), lease)) == {RiskCode.NOT_LIVE}
    account.live_since = timezone.now() - timedelta(hours=1)
    await account.asave()
    denied = await cast.submit(store, cast.plan(bot=bot), lease)
    assert codes(denied) == {RiskCode.POSITION_VALUE, RiskCode.ORDER_VALUE, RiskCode.SYMBOL_EXPOSURE}
    assert "at most 45.00" in denied.reasons[0].text
    assert isinstance(await cast.submit(store, cast.plan(**small), lease), SubmittedOrder)
    account.live_since = timezone.now() - timedelta(hours=25)
    await account.asave()
    await Order.objects.aupdate(state="absent")
    await Intent.objects.aupdate(closed_at=timezone.now(), reserved_left=0)
    assert isinstance(await cast.submit(store, cast.plan(bot=bot), lease), SubmittedOrder)


async def test_cancels_count_as_messages(cast: Cast, store: OrderStore) -> None:
    # A window that no slow machine leaves.
    patient = OrderStore(store.pool, terms=store.terms, controls=Controls(messages_window_ns=3_600 * 10**9))
    await Bot.objects.aupdate(maximum_entries_per_5_minutes=300)
    lease = await cast.lease(store)
    for number in range(5):
        order = await cast.submit(store, resting(cast, decided_at_ns=T0 - 10_000 * 10**9 * (5 - number)), lease)
        await store.record(report(order, OrderState.OPEN), lease)
        assert await store.request_cancel(order.order_id, lease)
        await store.record(report(order, OrderState.CANCELED), lease)
    denied = await cast.submit(patient, cast.plan(), lease)
    assert codes(denied) == {RiskCode.MESSAGE_RATE}
    assert "sent 5 orders" in denied.reasons[0].text


async def test_exits_count_as_messages_and_pass(cast: Cast, store: OrderStore) -> None:
    strict = OrderStore(store.pool, terms=store.terms, controls=Controls(messages_in_window=2))
    lease = await cast.lease(store)
    base = {"decided_at_ns": T0}
    _, bought = await cast.enter(strict, lease, **base)
    leave = await cast.submit(strict, cast.exit_plan(bought.position, D("0.00100"), **base), lease)
    await strict.record(filled(leave), lease)
    assert codes(await cast.submit(strict, cast.plan(instrument=cast.eth, **base), lease)) == {RiskCode.MESSAGE_RATE}
    again = await cast.submit(strict, cast.exit_plan(bought.position, D("0.00100"), **base), lease)
    assert isinstance(again, SubmittedOrder)


async def test_an_entry_does_not_trade_with_a_resting_order_of_its_own_account(cast: Cast, store: OrderStore) -> None:
    second = await sync_to_async(make_bot)(cast.account, [cast.btc, cast.eth], "Second")
    tokens = {token.bot_id: token for token in await store.acquire("engine-1")}
    _, bought = await cast.enter(store, tokens[second.pk], bot=second)
    sell = cast.exit_plan(bought.position, D("0.001"), bot=second, order_type=OrderType.LIMIT)
    order = await cast.submit(store, sell, tokens[second.pk])
    await store.record(report(order, OrderState.OPEN), tokens[second.pk])
    mine = tokens[cast.bot.pk]
    denied = await cast.submit(store, cast.plan(limit_price=D("97000.00")), mine)
    assert codes(denied) == {RiskCode.SELF_TRADE}
    # Below it, or elsewhere, nothing meets.
    below = await cast.submit(store, cast.plan(limit_price=D("96999.99")), mine)
    assert isinstance(below, SubmittedOrder)
    assert isinstance(await cast.submit(store, cast.plan(instrument=cast.eth), mine), SubmittedOrder)


async def test_a_sale_does_not_meet_an_own_resting_purchase(cast: Cast, store: OrderStore) -> None:
    second = await sync_to_async(make_bot)(cast.account, [cast.btc], "Second")
    tokens = {token.bot_id: token for token in await store.acquire("engine-1")}
    order = await cast.submit(store, resting(cast, bot=second, limit_price=D("99000.00")), tokens[second.pk])
    await store.record(report(order, OrderState.OPEN), tokens[second.pk])
    short = cast.plan(side=Side.SELL, limit_price=D("98000.00"), quantity=D("0.001"))
    assert RiskCode.SELF_TRADE in codes(await cast.submit(store, short, tokens[cast.bot.pk]))


async def judged(cast: Cast, store: OrderStore, lease: LeaseToken, state: OrderState, times: int) -> list[Any]:
    answers = []
    for _ in range(times):
        answers.append(await cast.submit(store, cast.plan(), lease))
        if isinstance(answers[-1], SubmittedOrder):
            await store.record(report(answers[-1], state), lease)
    return answers


async def test_a_bot_whose_orders_the_venue_refuses_is_halted_until_it_is_started_again(
    cast: Cast, store: OrderStore
) -> None:
    await Bot.objects.aupdate(maximum_entries_per_5_minutes=300)
    lease = await cast.lease(store)
    await judged(cast, store, lease, OrderState.EXPIRED, 15)
    # Six of twenty are thirty per cent, seven are more.
    answers = await judged(cast, store, lease, OrderState.REJECTED, 7)
    assert all(isinstance(answer, SubmittedOrder) for answer in answers)
    denied = await cast.submit(store, cast.plan(), lease)
    assert codes(denied) == {RiskCode.REJECT_RATE}
    assert denied.latched.halts
    bot = await Bot.objects.aget(pk=cast.bot.pk)
    assert (bot.state, "refused 7 of the bot's last 20 orders" in bot.state_reason) == ("error", True)
    assert await AuditEntry.objects.filter(action="bot.halt", target=f"bot:{bot.pk}").acount() == 1
    assert RiskCode.BOT_STATE in codes(await cast.submit(store, cast.plan(), lease))
    await sync_to_async(start_bot)(bot_id=bot.pk, actor=cast.alice, now=timezone.now())
    assert isinstance(await cast.submit(store, cast.plan(), lease), SubmittedOrder)


async def test_three_fills_far_from_what_was_decided_halt_the_bot(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    for price in ("102000.00", "101500.00", "100900.00", "101100.00"):
        order = await cast.submit(store, cast.plan(quantity=D("0.001")), lease)
        assert isinstance(order, SubmittedOrder)
        bought = await store.record(filled(order, D(price)), lease)
        leave = await cast.submit(store, cast.exit_plan(bought.position, D("0.00099")), lease)
        await store.record(filled(leave, D("100500.00")), lease)
    assert codes(await cast.submit(store, cast.plan(), lease)) == {RiskCode.SLIPPAGE}
    assert (await Bot.objects.aget(pk=cast.bot.pk)).state == "error"


async def test_stopping_a_halted_bot_is_not_undone(cast: Cast, store: OrderStore) -> None:
    await sync_to_async(stop_bot)(bot_id=cast.bot.pk, actor=cast.alice, now=timezone.now())
    lease = LeaseToken(bot_id=cast.bot.pk, holder="engine-1", epoch=1)
    halt = Restriction(ladder=Ladder.PAUSE, scope="bot", reason="late", halts=True)
    assert not await latch(store.pool, halt, lease, cast.account.pk)
    assert (await Bot.objects.aget(pk=cast.bot.pk)).state == "stopped"


@pytest.mark.parametrize("scope", ["bot", "account"])
@pytest.mark.parametrize("limit", ["drawdown", "daily_loss"])
async def test_a_limit_closes_everything_where_its_owner_asked_for_that(
    cast: Cast, store: OrderStore, scope: str, limit: str
) -> None:
    rows: Any = Bot.objects if scope == "bot" else Account.objects
    lease = await cast.lease(store)
    await cast.enter(store, lease, instrument=cast.eth)
    await Position.objects.aupdate(mark_price=D(50_000))
    if limit == "drawdown":
        await PerformanceState.objects.acreate(bot=cast.bot, baseline_peak=D(0))
        await rows.aupdate(on_drawdown="flatten", maximum_drawdown=D("0.001"), daily_loss_limit=D(0))
        await Account.objects.aupdate(peak_equity=D(10_000))
        if scope == "bot":
            await Account.objects.aupdate(maximum_drawdown=D(0))
    else:
        await rows.aupdate(on_daily_loss="flatten", daily_loss_limit=D("0.001"), maximum_drawdown=D("0.9"))
    denied = await cast.submit(store, cast.plan(), lease)
    assert denied.latched is not None
    assert (denied.latched.scope, denied.latched.ladder) == (scope, Ladder.FLATTEN)
    assert (await rows.aget()).ladder == "flatten"


async def two_accounts(cast: Cast) -> tuple[Bot, Bot]:
    other = await sync_to_async(create_account)(
        owner=cast.alice, name="Second", exchange=cast.exchange, opening_cash=D(10_000), actor=cast.alice,
        now=timezone.now(),
    )  # fmt: skip
    return cast.bot, await sync_to_async(make_bot)(other, [cast.btc, cast.eth], "Second")


async def test_accounts_at_once_do_not_exceed_what_the_installation_may_hold(cast: Cast, store: OrderStore) -> None:
    """Each of two accounts has room for two; three are all that is allowed, whatever comes first."""
    await Installation.objects.aupdate(maximum_exposure=D(1_000))
    one, two = await two_accounts(cast)
    tokens = {token.bot_id: token for token in await store.acquire("engine-1")}
    answers = await asyncio.gather(
        *(
            cast.submit(store, cast.plan(bot=bot, instrument=instrument), tokens[bot.pk])
            for bot in (one, two)
            for instrument in (cast.btc, cast.eth)
        )
    )
    refused = [answer for answer in answers if isinstance(answer, Denied)]
    assert [codes(answer) for answer in refused] == [{RiskCode.INSTALLATION_EXPOSURE}]
    assert "at most 1000.00" in refused[0].reasons[0].text


async def test_a_days_loss_of_all_accounts_stops_each(cast: Cast, store: OrderStore) -> None:
    await Installation.objects.aupdate(daily_loss_limit=D("0.005"))
    one, two = await two_accounts(cast)
    tokens = {token.bot_id: token for token in await store.acquire("engine-1")}
    await cast.enter(store, tokens[one.pk])
    await Account.objects.aupdate(daily_loss_limit=D(0), maximum_drawdown=D(0))
    assert isinstance(await cast.submit(store, cast.plan(bot=two), tokens[two.pk]), SubmittedOrder)
    # 0.002997 fell by half: some 150 of the 20,000 of both.
    await Position.objects.aupdate(mark_price=D(50_000))
    denied = await cast.submit(store, cast.plan(bot=two, instrument=cast.eth), tokens[two.pk])
    assert codes(denied) == {RiskCode.DAILY_LOSS}
    assert "the installation's result today" in denied.reasons[0].text
    # Real money is another matter.
    account = await live(cast, timezone.now() - timedelta(days=2))
    real = await on_account(cast, account)
    lease = await cast.lease(store, real)
    assert isinstance(await cast.submit(store, cast.plan(bot=real), lease), SubmittedOrder)


@pytest.mark.parametrize("step", [Ladder.PAUSE, Ladder.REDUCE, Ladder.FLATTEN])
@pytest.mark.parametrize("scope", list(Scope))
async def test_exits_pass_at_every_step_with_every_limit_exceeded(
    cast: Cast, store: OrderStore, step: Ladder, scope: Scope
) -> None:
    """Losses, drawdowns, throttles, rates, refusals, exposure, an unknown order, off the watchlist, no longer live."""
    lease = await cast.lease(store)
    _, bought = await cast.enter(store, lease, instrument=cast.eth)
    await cast.enter(store, lease)
    held = await Position.objects.aget(instrument=cast.btc)
    unknown = await cast.submit(store, cast.exit_plan(bought.position, D("0.001"), instrument=cast.eth), lease)
    await store.record(report(unknown, OrderState.UNKNOWN), lease)
    await Position.objects.aupdate(mark_price=D(1_000))
    tight = {"daily_loss_limit": D("0.0001"), "maximum_drawdown": D("0.0001")}
    await Bot.objects.aupdate(**tight, maximum_entries_per_5_minutes=1, maximum_trades_per_day=1, maximum_positions=1)
    await Account.objects.aupdate(**tight, peak_equity=D(90_000))
    await Installation.objects.aupdate(maximum_exposure=D(1), daily_loss_limit=D("0.0001"))
    await cast.bot.instruments.aclear()
    target = {Scope.INSTALLATION: None, Scope.ACCOUNT: cast.account.pk, Scope.BOT: cast.bot.pk}[scope]
    await sync_to_async(engage_kill_switch)(
        scope=scope, target_id=target, ladder=step, reason="a drill", actor=cast.alice, now=timezone.now()
    )
    controls = Controls(messages_in_window=0, account_messages_in_window=0, judged_orders=0, slippages=0, open_orders=0)
    strict = OrderStore(store.pool, terms=store.terms, controls=controls)
    refused = codes(await cast.submit(strict, cast.plan(limit_price=D(9_000_000)), lease))
    assert refused >= {
        RiskCode.WATCHLIST, RiskCode.DAILY_LOSS, RiskCode.DRAWDOWN, RiskCode.MESSAGE_RATE, RiskCode.REPEAT_THROTTLE,
        RiskCode.TRADES_PER_DAY, RiskCode.MAXIMUM_POSITIONS, RiskCode.OPEN_ORDERS, RiskCode.SLIPPAGE,
        RiskCode.INSTALLATION_EXPOSURE, RiskCode.GROSS_EXPOSURE, RiskCode.ORDER_VALUE, RiskCode.POSITION_VALUE,
    }  # fmt: skip
    plan = cast.plan(
        side=Side.SELL, purpose=Purpose.EXIT, position_id=held.pk, quantity=D("0.00299"), limit_price=D("97000.00"),
        exit_reason=ExitReason.STOP_LOSS,
    )  # fmt: skip
    assert isinstance(await cast.submit(strict, plan, lease), SubmittedOrder)


async def test_clearing_ends_what_conduct_is_counted_from(cast: Cast, store: OrderStore) -> None:
    await Bot.objects.aupdate(maximum_entries_per_5_minutes=300, ladder="pause", ladder_reason="a drill")
    await sync_to_async(clear_kill_switch)(
        scope=Scope.BOT, target_id=cast.bot.pk, reason="looked at it", actor=cast.alice, now=timezone.now()
    )
    lease = await cast.lease(store)
    await judged(cast, store, lease, OrderState.REJECTED, 6)
    assert isinstance(await cast.submit(store, cast.plan(), lease), SubmittedOrder)
