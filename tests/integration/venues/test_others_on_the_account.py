"""What happens on the account beside the bot's orders: people, money in and out, and a venue that cannot be read."""

import asyncio
from typing import Any

import pytest

from bots.engine import venue_desk
from bots.models import Account, ExternalFill, ExternalOrder, JournalLeg, VenueState
from bots.trading.vocabulary import OrderType
from tests.integration.venues.trader import D, Trader


async def by_hand(trader: Trader, method: str, path: str, body: object = None) -> Any:
    return await asyncio.to_thread(trader.customer.by_hand, method, path, body)


async def test_what_somebody_else_trades_is_external(trader: Trader) -> None:
    trader.desk._notices._pause_on_external = True
    buy = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    await by_hand(trader, "POST", "orders", buy)
    await trader.until(lambda: trader.alerts("external"), "nobody was told")
    await trader.agrees()
    fills = [fill async for fill in ExternalFill.objects.all()]
    assert sum(fill.quantity for fill in fills) == D("0.01")
    assert {leg.kind async for leg in JournalLeg.objects.filter(entry__in=[fill.pk for fill in fills])} == {"external"}
    account = await Account.objects.aget(pk=trader.cast.account.pk)
    assert (account.ladder, "Somebody else" in account.ladder_reason) == ("pause", True)


async def test_an_order_of_somebody_else_is_seen_and_seen_to_end(trader: Trader) -> None:
    bid, _ = await asyncio.to_thread(trader.customer.quote)
    order = {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01",
        "price": f"{bid * 0.8:.2f}", "newClientOrderId": "human-1",
    }  # fmt: skip
    placed = await by_hand(trader, "POST", "orders", order)
    await trader.until(lambda: trader.alerts("external"), "nobody was told")
    found = await ExternalOrder.objects.aget()
    assert found.state == "open"
    await by_hand(trader, "DELETE", f"orders/{placed['orderId']}")

    async def ended() -> bool:
        return await ExternalOrder.objects.filter(pk=found.pk, state="canceled").aexists()

    for _ in range(600):
        if await ended():
            break
        await asyncio.sleep(0.1)
    assert await ended()
    await trader.agrees()


async def test_money_that_comes_and_goes_is_a_transfer(trader: Trader) -> None:
    await by_hand(trader, "POST", "deposit", {"asset": "USDT", "amount": "250"})
    await by_hand(trader, "POST", "deposit", {"asset": "ETH", "amount": "-1"})
    await trader.agrees()
    legs = {(leg.asset, leg.kind): leg.amount async for leg in JournalLeg.objects.filter(book="wallet")}
    assert legs[("USDT", "deposit")] == 250
    assert legs[("ETH", "withdrawal")] == -1


async def test_a_venue_that_cannot_be_read_is_not_an_empty_account(trader: Trader) -> None:
    order = await trader.send()
    await trader.settled(order, "filled")
    await asyncio.to_thread(
        trader.customer.switch, "reject_request", channel="account", status=500, code=-1000, count=6
    )
    for _ in range(600):
        state = await VenueState.objects.aget(account=trader.cast.account)
        if "cannot be read" in state.problem:
            break
        await asyncio.sleep(0.1)
    assert "cannot be read" in state.problem
    assert trader.bot.positions
    await asyncio.to_thread(trader.customer.switch_all_off)
    await trader.agrees()
    assert {leg.kind async for leg in JournalLeg.objects.all()} <= {"opening", "fill", "fee"}


@pytest.mark.slow
async def test_an_account_that_stays_unreadable_is_connected_with_anew(
    trader: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(venue_desk, "FAILURES_AT_MOST", 2)
    before = trader.desk._link.venue
    await asyncio.to_thread(
        trader.customer.switch, "reject_request", channel="account", status=401, code=-2015, count=6
    )
    await trader.until(lambda: "cannot be read" in trader.desk.trouble, "nothing was noticed")
    refused = await trader.send()
    assert [reason.code for reason in refused] == ["venue"]
    await trader.until(lambda: trader.desk._link.venue not in (before, None), "it was not connected with anew")
    await asyncio.to_thread(trader.customer.switch_all_off)
    await trader.until(lambda: not trader.desk.trouble, "it did not recover")
    order = await trader.send()
    await trader.settled(order, "filled")
    await trader.agrees()


async def test_more_than_was_ordered_is_the_accounts_and_the_bot_is_halted(trader: Trader) -> None:
    order = await trader.send(order_type=OrderType.LIMIT, below=D("0.05"))
    row = await trader.settled(order, "open")
    path = f"orders/{row.venue_order_id}/fill"
    await by_hand(trader, "POST", path, {"quantity": f"{row.quantity:.8f}"})
    await by_hand(trader, "POST", path, {"quantity": "0.001"})
    await trader.settled(order, "filled")
    await trader.until(lambda: trader.bot.config.state == "error", "the bot was not halted")
    await trader.agrees()
    assert [fill.quantity async for fill in ExternalFill.objects.filter(order_id=order.order_id)] == [D("0.001")]


async def test_a_fill_after_the_cancel_is_booked(trader: Trader) -> None:
    order = await trader.send(order_type=OrderType.LIMIT, below=D("0.05"))
    row = await trader.settled(order, "open")
    await trader.cancel(order)
    await trader.settled(order, "canceled")
    await by_hand(trader, "POST", f"orders/{row.venue_order_id}/fill")
    await trader.until(lambda: trader.bot.positions, "the late fill was not booked")
    await trader.settled(order, "filled")
    await trader.agrees()
