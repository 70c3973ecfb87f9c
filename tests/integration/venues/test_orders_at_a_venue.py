"""Orders of a bot at the simulated exchange, over real sockets, with everything that goes wrong between them."""

import asyncio

from bots.trading.vocabulary import OrderType
from tests.integration.venues.trader import D, Trader


async def test_the_first_reconciliation_books_what_the_venue_holds(trader: Trader) -> None:
    await trader.agrees()


async def test_a_market_order_is_filled_and_left_again(trader: Trader) -> None:
    order = await trader.send()
    await trader.settled(order, "filled")
    await trader.until(lambda: trader.bot.positions, "no position")
    left = await trader.leave()
    await trader.settled(left, "filled")
    await trader.until(lambda: not trader.bot.positions, "still held")
    assert (trader.sent(order), trader.sent(left)) == (1, 1)
    await trader.agrees()


async def test_a_limit_order_rests_and_is_cancelled(trader: Trader) -> None:
    order = await trader.send(order_type=OrderType.LIMIT, below=D("0.2"))
    await trader.settled(order, "open")
    await trader.agrees()
    await trader.cancel(order)
    await trader.settled(order, "canceled")
    await trader.agrees()
    await asyncio.sleep(0)
