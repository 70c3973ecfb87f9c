"""I8 against the venue itself: what differs is named, and a venue that cannot be asked says nothing."""

import asyncio
from functools import partial

from bots.orders.venue.compare import Comparison, compare_account
from tests.integration.venues.trader import Trader


async def compared(trader: Trader) -> Comparison:
    account = trader.bot.account.config
    return await compare_account(trader.pool, account.account_id, partial(trader._connect, account))


async def test_an_account_at_rest_has_what_its_venue_has_and_what_differs_is_named(trader: Trader) -> None:
    bought = await trader.send()
    await trader.settled(bought, "filled")
    found = await compared(trader)
    assert (found.broken, found.unchecked) == ((), "")
    await trader.end()
    await asyncio.to_thread(trader.customer.by_hand, "POST", "deposit", {"asset": "USDT", "amount": "7"})
    sell = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.01"}
    await asyncio.to_thread(trader.customer.by_hand, "POST", "orders", sell)
    rows = {broken.row.split(": ")[1].split(" ")[0] for broken in (await compared(trader)).broken}
    assert rows == {"USDT", "BTC", "trade"}


async def test_a_venue_that_cannot_be_asked_leaves_the_account_unchecked(trader: Trader) -> None:
    await asyncio.to_thread(trader.customer.switch, "key_change", kind="revoked", seconds=60)
    found = await compared(trader)
    assert found.broken == ()
    assert found.unchecked


async def test_orders_without_an_answer_are_not_compared(trader: Trader) -> None:
    trader.desk.orders.send = lambda order: None  # type: ignore[method-assign]
    await trader.send()
    found = await compared(trader)
    assert found.broken == ()
    assert "not at rest" in found.unchecked
