"""Cancels that are lost or race a fill, and engines that end between two steps."""

import asyncio

import msgspec
import pytest

from bots.models import Order
from bots.trading.vocabulary import OrderType
from tests.integration.venues.test_ambiguous_answers import path_of, switch
from tests.integration.venues.trader import D, Trader


async def test_a_swallowed_cancel_is_repeated_until_the_order_has_ended(trader: Trader) -> None:
    order = await trader.send(order_type=OrderType.LIMIT, below=D("0.2"))
    await trader.settled(order, "open")
    await switch(trader, "swallow_cancel", count=2)
    await trader.cancel(order)
    await trader.settled(order, "canceled")
    await trader.agrees()


async def test_a_fill_beats_the_cancel_that_it_races(trader: Trader) -> None:
    order = await trader.send(order_type=OrderType.LIMIT, below=D("0.05"))
    await trader.settled(order, "open")
    await switch(trader, "race_fill", rate=1.0)
    await trader.cancel(order)
    await trader.settled(order, "filled")
    await trader.agrees()


async def test_a_successor_finds_what_rested_and_what_was_filled_meanwhile(trader: Trader) -> None:
    order = await trader.send(order_type=OrderType.LIMIT, below=D("0.05"))
    row = await trader.settled(order, "open")
    await trader.end()
    await asyncio.to_thread(
        trader.customer.by_hand, "POST", f"orders/{row.venue_order_id}/fill", {"quantity": f"{row.quantity / 2:.8f}"}
    )
    await trader.restart()
    await trader.settled(order, "partial")
    await trader.agrees()
    await trader.cancel(order)
    await trader.settled(order, "canceled")
    await trader.agrees()


async def test_a_successor_finds_what_was_being_sent(trader: Trader) -> None:
    await switch(trader, "slow_ack", milliseconds=60_000)
    await switch(trader, "drop_events", seconds=5)
    order = await trader.send()
    await trader.until(lambda: trader.sent(order), "it never arrived")
    assert await trader.state(order.order_id) == "sending"
    await trader.restart()
    assert (await path_of(order))[:2] == ["sending", "unknown"]
    await trader.settled(order, "filled")
    assert trader.sent(order) == 1
    await trader.agrees()


@pytest.mark.slow
async def test_what_was_committed_and_never_sent_is_absent_once_its_window_is_over(trader: Trader) -> None:
    trader.desk.orders.send = lambda order: None  # type: ignore[method-assign]
    order = await trader.send()
    await trader.restart()
    await trader.settled(order, "absent")
    assert await path_of(order) == ["sending", "unknown", "absent"]
    assert trader.sent(order) == 0
    await trader.agrees()


async def test_a_window_that_is_over_is_not_sent_in(trader: Trader) -> None:
    desk = trader.desk.orders
    send = desk.send
    desk.send = lambda order: send(msgspec.structs.replace(order, valid_until_ms=order.sign_ts_ms - 1))  # type: ignore[method-assign]
    order = await trader.send()
    await trader.settled(order, "absent")
    assert trader.sent(order) == 0
    await trader.agrees()


async def test_an_account_of_a_mode_that_cannot_be_served_sends_nothing(trader: Trader) -> None:
    account = msgspec.structs.replace(trader.bot.account.config, mode="future")
    trader.bot.account.config = account
    reasons = await trader.send()
    assert [reason.code for reason in reasons] == ["mode"]
    venues, trader.engine.venues = trader.engine.venues, None
    trader.bot.account.config = msgspec.structs.replace(account, mode="live")
    reasons = await trader.send()
    trader.engine.venues = venues
    assert [reason.code for reason in reasons] == ["mode"]
    assert not await Order.objects.aexists()
