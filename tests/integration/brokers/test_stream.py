"""The account's private stream over real sockets: everything, in order, and never a crash."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bots.brokers.venue import Venue, VenueBalance, VenueOrder, VenueTrade
from bots.trading.vocabulary import OrderState, OrderType
from tests.integration.brokers.cast import SYMBOL, Alice, Ear, ref, until


@asynccontextmanager
async def listening(venue: Venue) -> AsyncIterator[Ear]:
    ear = Ear()
    task = asyncio.create_task(venue.listen(ear))
    try:
        await until(lambda: venue.synced_since_ms is not None)
        yield ear
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def states(ear: Ear, order: object) -> list[OrderState]:
    return [one.state for one in ear.of(order) if isinstance(one, VenueOrder)]  # type: ignore[arg-type]


async def test_orders_fills_and_balances_are_heard_in_order(venue: Venue, alice: Alice) -> None:
    async with listening(venue) as ear:
        bought = await alice.order(venue, kind=OrderType.MARKET, away="1.02")
        answer = await venue.place(bought)
        await until(lambda: OrderState.FILLED in states(ear, bought))
        heard = ear.of(bought)
        fills = [one for one in heard if isinstance(one, VenueTrade)]
        assert fills == list(answer.trades)
        # A fill comes before the order that has it.
        assert [type(one) for one in heard] == [VenueOrder, *([VenueTrade, VenueOrder] * len(fills))]
        rested = await alice.order(venue)
        await venue.place(rested)
        await venue.cancel(ref(rested))
        await until(lambda: OrderState.CANCELED in states(ear, rested))
        assert states(ear, rested) == [OrderState.OPEN, OrderState.CANCELED]
        balances = {one.asset: one.total for one in ear.seen if isinstance(one, VenueBalance)}
        assert balances == {one.asset: one.total for one in await venue.balances()}


async def test_since_when_it_is_unbroken_is_told_in_the_venues_time(venue: Venue) -> None:
    assert venue.synced_since_ms is None
    before_ms = await venue.venue_time_ns() // 1_000_000
    async with listening(venue):
        assert venue.synced_since_ms is not None
        assert before_ms <= venue.synced_since_ms <= await venue.venue_time_ns() // 1_000_000
    assert venue.synced_since_ms is None


@pytest.mark.parametrize(
    ("fault", "settings"),
    [("drop_sockets", {}), ("key_change", {"kind": "revoked"})],
)
async def test_a_broken_stream_comes_back_and_says_since_when(
    venue: Venue, alice: Alice, fault: str, settings: dict[str, object]
) -> None:
    async with listening(venue) as ear:
        first_ms = venue.synced_since_ms
        alice.switch(fault, **settings)
        await until(lambda: venue.synced_since_ms != first_ms)
        alice.all_faults_off()
        await until(lambda: venue.synced_since_ms not in (None, first_ms))
        assert venue.synced_since_ms is not None
        assert first_ms is not None
        assert venue.synced_since_ms > first_ms
        order = await alice.order(venue)
        await venue.place(order)
        await until(lambda: states(ear, order))


async def test_fills_while_it_was_down_are_in_the_history(venue: Venue, alice: Alice) -> None:
    async with listening(venue) as ear:
        first_ms = venue.synced_since_ms
        assert first_ms is not None
        alice.switch("drop_events", seconds=120)
        order = await alice.order(venue, kind=OrderType.MARKET, away="1.02")
        answer = await venue.place(order)
        assert not ear.of(order)
        trades = await venue.trades(SYMBOL, since_ms=first_ms)
        assert [trade.fill for trade in trades] == [trade.fill for trade in answer.trades]


async def test_a_connection_that_died_in_silence_is_found_out(venue: Venue, alice: Alice) -> None:
    async with listening(venue):
        first_ms = venue.synced_since_ms
        alice.switch("half_open", seconds=1)
        await until(lambda: venue.synced_since_ms not in (None, first_ms))


async def test_a_deposit_is_heard_as_a_balance(venue: Venue, alice: Alice) -> None:
    async with listening(venue) as ear:
        alice.http.post(f"/sim/accounts/{alice.id}/deposit", json={"asset": "USDT", "amount": "500"}).raise_for_status()
        await until(
            lambda: any(isinstance(one, VenueBalance) and one.total == 100_500 for one in ear.seen),
        )


async def test_what_a_human_does_on_the_account_is_heard(venue: Venue, alice: Alice) -> None:
    async with listening(venue) as ear:
        wanted = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
        alice.http.post(f"/sim/accounts/{alice.id}/orders", json=wanted).raise_for_status()
        await until(lambda: any(isinstance(one, VenueTrade) for one in ear.seen))


async def test_a_hearer_that_fails_ends_the_listening(venue: Venue, alice: Alice) -> None:
    class Deaf(Exception):
        pass

    async def hear(one: object) -> None:
        raise Deaf

    task = asyncio.create_task(venue.listen(hear))
    await until(lambda: venue.synced_since_ms is not None)
    await venue.place(await alice.order(venue))
    with pytest.raises(Deaf):
        await asyncio.wait_for(task, 60)
    assert venue.synced_since_ms is None
