"""Sendings whose answers say nothing, and venues that hide, delay and repeat: found, or proven absent; never sent twice."""

import asyncio
from typing import Any

import pytest

from bots.models import JournalLeg, OrderEvent
from bots.trading.vocabulary import OrderType
from tests.integration.venues.trader import D, Trader

LOST: list[tuple[str, dict[str, Any]]] = [
    ("lose_answer", {"channel": "place"}),
    ("unknown_status", {"channel": "place", "status": 503, "code": -1007}),
    ("unknown_status", {"channel": "place", "status": 502, "code": 0}),
    ("garbled_answer", {"channel": "place", "kind": "html"}),
    ("garbled_answer", {"channel": "place", "kind": "truncate"}),
]


async def switch(trader: Trader, name: str, **settings: Any) -> None:
    await asyncio.to_thread(trader.customer.switch, name, **settings)


async def path_of(order: Any) -> list[str]:
    return [event.to_state async for event in OrderEvent.objects.filter(order_id=order.order_id).order_by("id")]


@pytest.mark.parametrize(("fault", "settings"), LOST)
async def test_an_order_whose_answer_was_lost_is_found(trader: Trader, fault: str, settings: dict[str, Any]) -> None:
    await switch(trader, fault, executed=True, **settings)
    bought = await trader.send()
    await trader.settled(bought, "filled")
    assert trader.sent(bought) == 1
    await trader.agrees()


@pytest.mark.slow
async def test_an_order_that_never_arrived_is_unknown_until_that_is_proven(trader: Trader) -> None:
    await switch(trader, "lose_answer", executed=False, channel="place")
    order = await trader.send(order_type=OrderType.LIMIT, below=D("0.2"))
    row = await trader.settled(order, "unknown")
    assert row.intent_id
    reasons = await trader.send()
    assert {reason.code for reason in reasons} >= {"unknown_order"}, "entered beside an order of unknown fate"
    await trader.settled(order, "absent")
    assert await path_of(order) == ["sending", "unknown", "absent"]
    proof = (await OrderEvent.objects.filter(order_id=order.order_id).order_by("id").alast()).evidence["absent"]
    assert proof["look"]["began_ms"] > order.valid_until_ms + 11_000
    assert len(proof["not_found_ms"]) >= 2
    assert trader.sent(order) == 1
    await trader.agrees()


@pytest.mark.slow
async def test_an_order_that_the_venue_hides_is_not_called_absent(trader: Trader) -> None:
    """Neither query, lists nor stream show it: only the funds that the venue holds back for it."""
    await switch(trader, "drop_events", seconds=40)
    await switch(trader, "hide_order", milliseconds=30_000, seconds=40)
    await switch(trader, "lose_answer", executed=True, channel="place")
    order = await trader.send(order_type=OrderType.LIMIT, below=D("0.2"))
    await trader.settled(order, "unknown")
    await trader.until(
        lambda: any(
            "holds funds back" in lack for followed in trader.desk.orders.followed.values() for lack in followed.lacks
        ),
        "what the venue holds back was not seen",
    )
    await trader.settled(order, "open")
    assert await path_of(order) == ["sending", "unknown", "open"]
    await trader.agrees()


async def test_a_refused_order_is_refused(trader: Trader) -> None:
    await switch(trader, "reject_request", channel="order", status=400, code=-1013, count=1)
    order = await trader.send()
    row = await trader.settled(order, "rejected")
    assert row.error
    await trader.agrees()


async def test_fills_wait_for_their_trades(trader: Trader) -> None:
    """The venue says filled at once, and tells the trades seconds later: nothing is made up meanwhile."""
    await switch(trader, "late_trades", milliseconds=5_000, seconds=30)
    order = await trader.send()
    await trader.until(
        lambda: any(followed.awaits_trades for followed in trader.desk.orders.followed.values()),
        "no order awaits its trades",
    )
    assert not trader.bot.positions
    row = await trader.settled(order, "filled")
    assert row.filled_quantity == row.quantity
    await trader.agrees()
    kinds = {leg.kind async for leg in JournalLeg.objects.all()}
    assert kinds <= {"opening", "fill", "fee"}, "a late fill was booked as something else"


@pytest.mark.parametrize(
    ("fault", "settings"),
    [
        ("drop_events", {"seconds": 30}),
        ("duplicate_events", {"factor": 3.0, "seconds": 30}),
        ("shuffle_events", {"milliseconds": 300, "seconds": 30}),
        ("delay_events", {"milliseconds": 2_000, "seconds": 30}),
    ],
)
async def test_fills_of_a_resting_order_are_booked_once_whatever_the_stream_does(
    trader: Trader, fault: str, settings: dict[str, Any]
) -> None:
    order = await trader.send(order_type=OrderType.LIMIT, below=D("0.05"))
    row = await trader.settled(order, "open")
    await switch(trader, fault, **settings)
    part = row.quantity / 4
    for _ in range(4):
        fill = {"quantity": f"{part:.8f}"}
        await asyncio.to_thread(trader.customer.by_hand, "POST", f"orders/{row.venue_order_id}/fill", fill)
    await trader.settled(order, "filled")
    await switch(trader, "replay_events", count=20)
    await trader.agrees()


async def test_fills_while_the_stream_was_cut_are_caught_up_with(trader: Trader) -> None:
    order = await trader.send(order_type=OrderType.LIMIT, below=D("0.05"))
    row = await trader.settled(order, "open")
    await switch(trader, "drop_sockets")
    await asyncio.to_thread(
        trader.customer.by_hand, "POST", f"orders/{row.venue_order_id}/fill", {"quantity": f"{row.quantity / 2:.8f}"}
    )
    await trader.settled(order, "partial")
    await trader.agrees()
