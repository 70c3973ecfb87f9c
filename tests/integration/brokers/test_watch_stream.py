"""CCXT Pro's watchers as a private stream, over real sockets: what the venues without a stream of ours have."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from bots.brokers.budget import LocalBudget
from bots.brokers.ccxt import dialects, watch_stream
from bots.brokers.ccxt.connect import connect
from bots.brokers.venue import Venue, VenueBalance, VenueOrder, VenueTrade
from bots.trading.vocabulary import OrderState, OrderType
from tests.integration.brokers.cast import Alice, Ear, ref, until


@pytest.fixture
async def venue(alice: Alice, budget: LocalBudget, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Venue]:
    watched = replace(dialects.BINANCE, stream=dialects.StreamKind.CCXT)
    monkeypatch.setitem(dialects._DIALECTS, "binance", watched)  # type: ignore[arg-type]
    monkeypatch.setattr(watch_stream, "SETTLED_AFTER_S", 1.0)
    monkeypatch.setattr(watch_stream, "FIRST_RETRY_S", 0.1)
    connected = await connect(alice.account(), budget=budget)
    yield connected
    await connected.close()


async def test_orders_fills_and_balances_are_heard_and_a_cut_is_told(venue: Venue, alice: Alice) -> None:
    ear = Ear()
    task = asyncio.create_task(venue.listen(ear))
    try:
        await until(lambda: venue.synced_since_ms is not None)
        order = await alice.order(venue, kind=OrderType.MARKET, away="1.02")
        answer = await venue.place(order)
        await until(lambda: any(isinstance(one, VenueTrade) for one in ear.seen))
        await until(lambda: any(isinstance(one, VenueBalance) for one in ear.seen))
        await until(lambda: [one for one in ear.of(order) if getattr(one, "state", None) is OrderState.FILLED])
        trades = [one.fill for one in ear.seen if isinstance(one, VenueTrade)]
        assert {fill.trade_id for fill in trades} == {trade.fill.trade_id for trade in answer.trades}
        first_ms = venue.synced_since_ms
        alice.switch("drop_sockets")
        await until(lambda: venue.synced_since_ms != first_ms)
        await until(lambda: venue.synced_since_ms is not None)
        rested = await alice.order(venue)
        await venue.place(rested)
        await until(lambda: any(isinstance(one, VenueOrder) for one in ear.of(rested)))
        await venue.cancel(ref(rested))
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert venue.synced_since_ms is None
