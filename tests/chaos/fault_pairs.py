"""Two faults of the exchange at once while a bot enters, cancels and leaves: found or proven absent, never sent twice."""

import asyncio
import random
import time
from itertools import combinations
from typing import Any

from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import connections

from bots.models import Order
from bots.trading.records import SubmittedOrder
from bots.trading.vocabulary import OrderType
from tests.chaos.outcome import Outcome
from tests.integration.simulator.customer import Customer
from tests.integration.venues.trader import D, Trader
from tests.simulator_fixture import Simulator, running_simulator

# With settings that end by themselves; what only a person can mend (keys, an overfill) is tried alone elsewhere.
FAULTS: dict[str, dict[str, Any]] = {
    "lose_answer": {"channel": "place", "executed": True},
    "lose_answer unexecuted": {"channel": "place", "executed": False},
    "unknown_status": {"channel": "place", "status": 503, "code": -1007},
    "unknown_status 502": {"channel": "place", "status": 502, "code": 0},
    "garbled_answer": {"channel": "place", "kind": "html"},
    "garbled_answer truncated": {"channel": "place", "kind": "truncate"},
    "slow_ack": {"milliseconds": 3_000, "channel": "place"},
    "slow_matching": {"milliseconds": 1_500, "seconds": 5},
    "reject_request": {"channel": "account", "status": 500, "code": -1001, "count": 2},
    "hide_order": {"milliseconds": 5_000, "seconds": 15},
    "stale_orders": {"milliseconds": 4_000, "seconds": 12},
    "swallow_cancel": {"count": 1},
    "race_fill": {"rate": 0.5},
    "late_trades": {"milliseconds": 4_000, "seconds": 15},
    "drop_events": {"seconds": 15},
    "delay_events": {"milliseconds": 3_000, "seconds": 15},
    "duplicate_events": {"factor": 3.0, "seconds": 15},
    "shuffle_events": {"milliseconds": 500, "seconds": 15},
    "replay_events": {"count": 10},
    "drop_sockets": {},
    "too_many_requests": {"seconds": 3},
}
PAIRS = list(combinations(sorted(FAULTS), 2))
EXCHANGE = ("--symbols", "BTC/USDT,ETH/USDT", "--history-days", "1", "--weight-per-minute", "1000000")
ORDERS = 2


async def try_pair(exchange: Simulator, pair: tuple[str, str], number: str) -> list[str]:
    """What was wrong, with both faults on, on an empty database."""
    customer = Customer(exchange, f"pair-{number}", USDT="10000", BTC="1", ETH="2")
    try:
        async with Trader(exchange, customer) as trader:
            for name in pair:
                await asyncio.to_thread(customer.switch, name.split()[0], **FAULTS[name])
            sent = [await _order(trader, is_limit=bool(i % 2)) for i in range(ORDERS)]
            orders = [order for order in sent if isinstance(order, SubmittedOrder)]
            for order in orders:
                await trader.settled(order, *ENDS, "open", "partial")
                if order.plan.order_type is OrderType.LIMIT and order.order_id in trader.bot.orders:
                    await trader.cancel(order)
                    await trader.settled(order, *ENDS)
            if trader.bot.positions:
                left = await trader.leave()
                if isinstance(left, SubmittedOrder):
                    await trader.settled(left, *ENDS)
                    orders.append(left)
            await asyncio.to_thread(customer.switch_all_off)
            await trader.agrees()
            return [f"{pair}: order {order.order_id.hex} came twice" for order in orders if trader.sent(order) > 1]
    except AssertionError as error:
        states = [f"{row.pk.hex[:8]} {row.state}" async for row in Order.objects.all()]
        return [f"{pair}: {error} {getattr(error, '__notes__', '')}; orders {states}"]
    finally:
        await asyncio.to_thread(customer.switch_all_off)
        await asyncio.to_thread(customer.operate, "DELETE", "/sim/limits")
        customer.close()


ENDS = ("filled", "canceled", "expired", "rejected", "absent")


async def _order(trader: Trader, *, is_limit: bool) -> Any:
    if is_limit:
        return await trader.send(order_type=OrderType.LIMIT, below=D("0.2"), rules=_eth(trader), **_eth_terms(trader))
    return await trader.send()


def _eth(trader: Trader) -> Any:
    from tests.integration.orders.cast import rules_of

    return rules_of(trader.cast.eth)


def _eth_terms(trader: Trader) -> dict[str, Any]:
    """Far below ETH's market: it rests."""
    quote = trader.customer.http.get("/api/v3/ticker/bookTicker?symbol=ETHUSDT").json()
    price = (D(quote["bidPrice"]) * D("0.8")).quantize(D("0.01"))
    return {"limit_price": price, "quantity": (D(100) / price).quantize(D("0.001"))}


async def run(seed: int, seconds: float) -> Outcome:
    outcome = Outcome(scenario="fault_pairs", seed=seed)
    pairs = PAIRS[:]
    random.Random(seed).shuffle(pairs)
    ends_s = time.monotonic() + seconds
    with running_simulator(*EXCHANGE) as exchange:
        for i, pair in enumerate(pairs):
            if outcome.counts["pairs"] and time.monotonic() > ends_s:
                break
            await sync_to_async(call_command)("flush", interactive=False, verbosity=0)
            outcome.problems += await try_pair(exchange, pair, f"{seed}-{i}")
            outcome.counts["pairs"] += 1
    await sync_to_async(connections.close_all)()
    return outcome
