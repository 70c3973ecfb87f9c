"""Binance's USD-M perpetuals at the simulated exchange: a position opened, heard of, and closed by what only reduces."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from msgspec.structs import replace

from bots.brokers.budget import LocalBudget
from bots.brokers.ccxt import watch_stream
from bots.brokers.ccxt.connect import connect
from bots.brokers.ccxt.dialects import BINANCE_USDM
from bots.brokers.venue import Outcome, Venue, VenueTrade
from bots.trading.records import SubmittedOrder
from bots.trading.vocabulary import OrderState, OrderType, Purpose, Side
from tests.integration.brokers.cast import RULES, Alice, Ear, ref, submitted, until

SYMBOL = "BTC/USDT:USDT"


@pytest.fixture
async def venue(alice: Alice, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Venue]:
    monkeypatch.setattr(watch_stream, "SETTLED_AFTER_S", 1.0)
    monkeypatch.setattr(watch_stream, "FIRST_RETRY_S", 0.1)
    wanted = {"asset": "USDT", "amount": "50000"}
    alice.http.post(f"/sim/usdm/accounts/{alice.id}/transfer", json=wanted).raise_for_status()
    budget = LocalBudget(BINANCE_USDM.limits, share=1.0)
    connected = await connect(alice.account(adapter="binance-usdm", timeout_s=5.0), budget=budget)
    yield connected
    await connected.close()


async def order_at(venue: Venue, alice: Alice, away: str, **changes: object) -> SubmittedOrder:
    book = alice.http.get("/fapi/v1/depth", params={"symbol": "BTCUSDT", "limit": 5}).raise_for_status().json()
    price = (Decimal(book["asks"][0][0]) * Decimal(away)).quantize(Decimal("0.1"))
    rules = replace(RULES, symbol=SYMBOL)
    now_ms = await venue.venue_time_ns() // 1_000_000
    return submitted(limit_price=price, now_ms=now_ms, rules=rules, **changes)  # type: ignore[arg-type]


async def test_a_position_is_opened_and_closed(venue: Venue, alice: Alice) -> None:
    opened = await order_at(venue, alice, "1.02", kind=OrderType.MARKET)
    answer = await venue.place(opened)
    assert answer.order is not None, answer
    assert (answer.outcome, answer.order.state) == (Outcome.FOUND, OrderState.FILLED)
    found = await venue.find(ref(opened))
    assert found.order is not None
    assert found.order.filled == opened.plan.quantity
    closed = await order_at(venue, alice, "0.98", kind=OrderType.MARKET, side=Side.SELL, purpose=Purpose.EXIT)
    answer = await venue.place(closed)
    assert answer.order is not None, answer
    assert answer.order.state is OrderState.FILLED
    # Nothing is left that could be reduced.
    again = await order_at(venue, alice, "0.98", kind=OrderType.MARKET, side=Side.SELL, purpose=Purpose.EXIT)
    assert (await venue.place(again)).outcome is Outcome.REJECTED
    trades = await venue.trades(SYMBOL, since_ms=opened.sign_ts_ms - 1_000)
    assert {trade.side for trade in trades} == {Side.BUY, Side.SELL}
    assert sum(trade.fill.quantity * trade.side.sign for trade in trades) == 0


async def test_an_order_rests_is_listed_and_cancelled(venue: Venue, alice: Alice) -> None:
    rested = await order_at(venue, alice, "0.9")
    assert (await venue.place(rested)).outcome is Outcome.FOUND
    assert [one.client_order_id for one in await venue.open_orders()] == [rested.order_id.hex]
    cancelled = await venue.cancel(ref(rested))
    assert cancelled.order is not None
    assert cancelled.order.state is OrderState.CANCELED
    assert (await venue.cancel(ref(rested))).outcome is Outcome.NOT_FOUND
    history = await venue.recent_orders(SYMBOL, since_ms=rested.sign_ts_ms - 1_000)
    assert [one.client_order_id for one in history] == [rested.order_id.hex]
    assert {one.asset for one in await venue.balances()} >= {"USDT"}


async def test_its_listen_key_stream_is_heard_and_comes_back(venue: Venue, alice: Alice) -> None:
    ear = Ear()
    task = asyncio.create_task(venue.listen(ear))
    try:
        await until(lambda: venue.synced_since_ms is not None)
        order = await order_at(venue, alice, "1.02", kind=OrderType.MARKET)
        answer = await venue.place(order)
        await until(lambda: any(isinstance(one, VenueTrade) for one in ear.seen))
        await until(lambda: [one for one in ear.of(order) if getattr(one, "state", None) is OrderState.FILLED])
        assert answer.outcome is Outcome.FOUND
        first_ms = venue.synced_since_ms
        alice.switch("drop_sockets")
        await until(lambda: venue.synced_since_ms not in (None, first_ms))
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(("executed", "outcome"), [(True, Outcome.FOUND), (False, Outcome.NOT_FOUND)])
async def test_an_unknown_status_is_unclear_and_found_by_asking(
    venue: Venue, alice: Alice, executed: bool, outcome: Outcome
) -> None:
    alice.switch("unknown_status", executed=executed, code=-1007, status=408)
    order = await order_at(venue, alice, "0.9")
    assert (await venue.place(order)).outcome is Outcome.UNCLEAR
    assert (await venue.find(ref(order))).outcome is outcome
