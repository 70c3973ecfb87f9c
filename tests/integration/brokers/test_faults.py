"""The exchange breaks while we trade: every answer means what it proves, and nothing is sent twice."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from bots.brokers.budget import LocalBudget
from bots.brokers.ccxt.connect import connect
from bots.brokers.venue import Answer, Outcome, Venue, VenueUnavailable
from bots.trading.records import SubmittedOrder
from bots.trading.vocabulary import OrderState, OrderType
from tests.integration.brokers.cast import SYMBOL, Alice, ref, submitted
from tests.simulator_fixture import running_simulator


def requests_for(alice: Alice, order: SubmittedOrder) -> int:
    """How many requests to place it the exchange received."""
    count: int = alice.truth()["requests_by_client_id"].get(order.order_id.hex, 0)
    return count


async def placed(venue: Venue, alice: Alice, **changes: Any) -> tuple[SubmittedOrder, Answer]:
    order = await alice.order(venue, **changes)
    answer = await venue.place(order)
    assert requests_for(alice, order) <= 1
    return order, answer


@pytest.mark.parametrize(
    ("fault", "settings", "lives"),
    [
        ("lose_answer", {"executed": True}, 1),
        ("lose_answer", {"executed": False}, 0),
        ("unknown_status", {"executed": True}, 1),
        ("unknown_status", {"executed": False}, 0),
        ("unknown_status", {"executed": True, "code": -1007}, 1),
        ("unknown_status", {"executed": True, "code": -1000, "status": 400}, 1),
        ("unknown_status", {"executed": True, "code": 0, "status": 502}, 1),
        ("garbled_answer", {"kind": "html"}, 1),
        ("garbled_answer", {"kind": "truncate"}, 1),
        ("garbled_answer", {"kind": "empty"}, 1),
        ("garbled_answer", {"kind": "other"}, 1),
        ("garbled_answer", {"kind": "html", "executed": False}, 0),
        ("reject_request", {"channel": "order", "status": 503, "code": -1001}, 0),
        ("reject_request", {"channel": "order", "status": 500, "code": -2010}, 0),
    ],
)
async def test_an_answer_that_proves_nothing_is_unclear(
    venue: Venue, alice: Alice, fault: str, settings: dict[str, object], lives: int
) -> None:
    alice.switch(fault, count=1, **settings)
    order, answer = await placed(venue, alice)
    assert answer.outcome is Outcome.UNCLEAR
    assert alice.orders_made_of(order) == lives
    found = await venue.find(ref(order))
    assert found.outcome is (Outcome.FOUND if lives else Outcome.NOT_FOUND)


async def test_an_answer_that_does_not_come_in_time_is_unclear(alice: Alice, budget: LocalBudget) -> None:
    venue = await connect(alice.account(timeout_s=1.0), budget=budget)
    try:
        alice.switch("slow_ack", milliseconds=3_000)
        order, answer = await placed(venue, alice)
        assert answer.outcome is Outcome.UNCLEAR
        assert alice.orders_made_of(order) == 1
    finally:
        await venue.close()


async def test_an_order_matched_too_late_is_refused_for_its_time(venue: Venue, alice: Alice) -> None:
    alice.switch("slow_matching", milliseconds=900, seconds=60)
    order, answer = await placed(venue, alice, window_ms=600)
    assert (answer.outcome, answer.code) == (Outcome.REJECTED, "-1021")
    assert alice.orders_made_of(order) == 0


@pytest.mark.parametrize("skew_ms", [-60_000, -5_000, 2_000, 60_000])
async def test_a_clock_that_moved_refuses_and_is_measured_anew(venue: Venue, alice: Alice, skew_ms: int) -> None:
    alice.switch("clock_skew", milliseconds=skew_ms, seconds=120)
    order, answer = await placed(venue, alice)
    assert (answer.outcome, answer.code) == (Outcome.REJECTED, "-1021")
    assert alice.orders_made_of(order) == 0
    before_ns = await venue.venue_time_ns()

    async def moved() -> bool:
        return abs(await venue.venue_time_ns() - before_ns - skew_ms * 1_000_000) < abs(skew_ms) * 500_000

    async with asyncio.timeout(60):
        while not await moved():  # noqa: ASYNC110 - the clock moves in a task of its own
            await asyncio.sleep(0.01)
    _, answer = await placed(venue, alice)
    assert answer.outcome is Outcome.FOUND


@pytest.mark.parametrize("skew_ms", [-500, 500])
async def test_half_a_second_of_skew_is_within_the_window(venue: Venue, alice: Alice, skew_ms: int) -> None:
    alice.switch("clock_skew", milliseconds=skew_ms, seconds=120)
    _, answer = await placed(venue, alice)
    assert answer.outcome is Outcome.FOUND


async def test_after_a_429_nobody_asks_before_its_time(venue: Venue, alice: Alice) -> None:
    alice.ask()
    alice.switch("too_many_requests", milliseconds=60_000, seconds=120)
    order, answer = await placed(venue, alice)
    assert (answer.outcome, answer.code) == (Outcome.REJECTED, "-1003")
    assert answer.retry_after_s == pytest.approx(60, abs=1)
    assert alice.orders_made_of(order) == 0
    for _ in range(20):
        _, answer = await placed(venue, alice)
        assert answer.outcome is Outcome.NOT_SENT
        assert answer.retry_after_s is not None
    cancelled = await venue.cancel(ref(order))
    assert cancelled.outcome is Outcome.NOT_SENT
    with pytest.raises(VenueUnavailable, match="rate budget"):
        await venue.open_orders()
    assert alice.http.get("/sim/limits").json()["used"]["rest_418"] == 0


async def test_a_ban_refuses_and_is_waited_for(venue: Venue, alice: Alice) -> None:
    alice.ask()
    alice.switch("ban", seconds=120)
    order, answer = await placed(venue, alice)
    assert answer.outcome is Outcome.REJECTED
    assert answer.retry_after_s is not None
    assert alice.orders_made_of(order) == 0
    alice.switch("ban", on=False)
    _, answer = await placed(venue, alice)
    assert answer.outcome is Outcome.NOT_SENT


async def test_maintenance_proves_nothing_about_orders_and_lists(venue: Venue, alice: Alice) -> None:
    order, _ = await placed(venue, alice)
    alice.switch("maintenance", seconds=120)
    _, answer = await placed(venue, alice)
    assert answer.outcome is Outcome.UNCLEAR
    assert (await venue.find(ref(order))).outcome is Outcome.UNCLEAR
    assert (await venue.cancel(ref(order))).outcome is Outcome.UNCLEAR
    for question in (
        venue.open_orders(),
        venue.balances(),
        venue.trades(SYMBOL, since_ms=0),
        venue.recent_orders(SYMBOL, since_ms=0),
        venue.scope(),
    ):
        with pytest.raises(VenueUnavailable):
            await question


async def test_what_cannot_be_read_is_not_an_empty_list(venue: Venue, alice: Alice) -> None:
    alice.switch("garbage", seconds=120)
    for question in (venue.open_orders(), venue.balances(), venue.trades(SYMBOL, since_ms=0)):
        with pytest.raises(VenueUnavailable):
            await question


async def test_what_finds_no_venue_to_connect_to_is_not_sent(budget: LocalBudget) -> None:
    with running_simulator("--symbols", "BTC/USDT", "--history-days", "1") as exchange:
        alice = Alice.opened(exchange)
        venue = await connect(alice.account(timeout_s=5.0), budget=budget)
        alice.http.close()
    # Connections that were cut are noticed by the first to use one of them.
    answers = [await venue.place(await alice_order_without_asking(venue)) for _ in range(8)]
    assert answers[-1].outcome is Outcome.NOT_SENT
    assert {answer.outcome for answer in answers} <= {Outcome.NOT_SENT, Outcome.UNCLEAR}
    assert (await venue.find(ref(await alice_order_without_asking(venue)))).outcome is not Outcome.NOT_FOUND
    with pytest.raises(VenueUnavailable):
        await venue.open_orders()
    await venue.close()


async def alice_order_without_asking(venue: Venue) -> SubmittedOrder:
    return submitted(limit_price=Decimal("1000.00"), now_ms=await venue.venue_time_ns() // 1_000_000)


async def test_a_cancel_that_was_swallowed_is_seen_again_by_asking(venue: Venue, alice: Alice) -> None:
    order, _ = await placed(venue, alice)
    alice.switch("swallow_cancel")
    await venue.cancel(ref(order))
    found = await venue.find(ref(order))
    assert found.order is not None
    assert found.order.state is OrderState.OPEN


async def test_a_fill_that_wins_against_its_cancel(venue: Venue, alice: Alice) -> None:
    order, _ = await placed(venue, alice)
    alice.switch("race_fill")
    assert (await venue.cancel(ref(order))).outcome is Outcome.NOT_FOUND
    found = await venue.find(ref(order))
    assert found.order is not None
    assert found.order.state is OrderState.FILLED


async def test_a_revoked_key_refuses(venue: Venue, alice: Alice) -> None:
    alice.switch("key_change", kind="revoked")
    order, answer = await placed(venue, alice)
    assert (answer.outcome, answer.code) == (Outcome.REJECTED, "-2015")
    assert alice.orders_made_of(order) == 0
    with pytest.raises(VenueUnavailable, match="-2015"):
        await venue.balances()


async def test_an_archived_order_is_neither_found_nor_absent(venue: Venue, alice: Alice) -> None:
    order, _ = await placed(venue, alice)
    await venue.cancel(ref(order))
    alice.switch("archive_orders")
    answer = await venue.find(ref(order))
    assert (answer.outcome, answer.code) == (Outcome.UNCLEAR, "-2026")


async def test_more_was_filled_than_asked_for_and_is_told(venue: Venue, alice: Alice) -> None:
    alice.switch("overfill", factor=1.5)
    order, answer = await placed(venue, alice, kind=OrderType.MARKET, away="1.02")
    assert answer.outcome is Outcome.FOUND
    assert sum(trade.fill.quantity for trade in answer.trades) > order.plan.quantity


async def test_orders_at_once_are_each_sent_once(venue: Venue, alice: Alice) -> None:
    alice.switch("lose_answer", count=5)
    orders = [await alice.order(venue, window_ms=10_000) for _ in range(20)]
    answers = await asyncio.gather(*(venue.place(order) for order in orders))
    outcomes = [answer.outcome for answer in answers]
    assert (outcomes.count(Outcome.UNCLEAR), outcomes.count(Outcome.FOUND)) == (5, 15)
    assert [requests_for(alice, order) for order in orders] == [1] * 20
    assert [alice.orders_made_of(order) for order in orders] == [1] * 20


async def test_questions_never_take_the_connections_that_orders_need(venue: Venue, alice: Alice) -> None:
    alice.switch("slow_answer", channel="openOrders", milliseconds=4_000, seconds=120)
    questions = [asyncio.create_task(venue.open_orders()) for _ in range(10)]
    await asyncio.sleep(0)
    orders = [await placed(venue, alice) for _ in range(4)]
    assert [answer.outcome for _, answer in orders] == [Outcome.FOUND] * 4
    assert not any(question.done() for question in questions)
    for question in questions:
        question.cancel()
    await asyncio.gather(*questions, return_exceptions=True)


async def test_a_library_that_sends_twice_is_stopped_at_the_second(
    venue: Venue, alice: Alice, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = venue._exchange  # type: ignore[attr-defined]
    create_order = library.create_order

    async def twice(*arguments: Any) -> Any:
        await create_order(*arguments)
        return await create_order(*arguments)

    monkeypatch.setattr(library, "create_order", twice)
    order = await alice.order(venue, kind=OrderType.MARKET, away="1.02")
    answer = await venue.place(order)
    assert answer.outcome is Outcome.UNCLEAR
    assert requests_for(alice, order) == 1
    assert alice.orders_made_of(order) == 1
