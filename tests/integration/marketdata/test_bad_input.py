"""What goes wrong at one exchange is named in its feed's state with what to do; another exchange goes on untouched."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from bots.engine.inbox import MAX_KEPT, Inbox
from marketdata.bus import tick_group
from marketdata.events import BookSnapshot, FeedState, QuoteTick, TradeTick
from marketdata.feed.config import load_config
from marketdata.feed.service import FeedService
from marketdata.models import Exchange, FeedEvent, FeedStatus, Instrument
from marketdata.overview import SymbolView, VenueView, feeds_view
from tests.integration.marketdata.cast import (
    Listener,
    afollow,
    eventually,
    listening,
    running_feed,
    switch_fault,
)
from tests.simulator_fixture import Simulator, running_simulator

pytestmark = [pytest.mark.usefixtures("venue")]
BTC, ETH = "BTC/USDT", "ETH/USDT"
OTHER = "other"


@pytest.fixture(scope="module")
def good_market() -> Iterator[Simulator]:
    with running_simulator("--symbols", BTC, "--history-days", "1") as running:
        yield running


@pytest.fixture
def others_venue(good_market: Simulator, venue: Exchange) -> Exchange:
    return Exchange.objects.create(
        code=OTHER, name="Other", adapter="binance", environment="simulated", rest_url=good_market.rest_url,
        websocket_url=good_market.websocket_url,
    )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Two:
    """A feed in trouble and one that is not, with their listeners."""

    service: FeedService
    heard: Listener
    other: Listener

    async def until_state(self, state: str, *, reason: str = "") -> FeedState:
        event = await self.heard.until(
            lambda event: isinstance(event, FeedState) and event.state == state and reason in event.reason,
        )
        assert isinstance(event, FeedState)
        return event

    async def others_go_on(self, since: int) -> None:
        """The other exchange brings books and quotes, and its state has not changed since."""
        for kind in (BookSnapshot, QuoteTick):
            await self.other.until(lambda event, kind=kind: isinstance(event, kind))  # type: ignore[misc]
        assert not [event for event in self.other.events[since:] if isinstance(event, FeedState)]
        assert self.other.missed == 0


@asynccontextmanager
async def two_feeds() -> AsyncIterator[Two]:
    await afollow(exchange="simulated", symbol=BTC, follower="bot:1")
    await afollow(exchange=OTHER, symbol=BTC, follower="bot:2")
    other = Listener(BTC)
    other.group = tick_group(OTHER, BTC)
    await other.join()
    config = await sync_to_async(load_config)(OTHER)
    async with listening() as heard, running_feed() as service, running_feed(config):
        for listener in (heard, other):
            await listener.until(lambda event: isinstance(event, FeedState) and event.state == "live")
        yield Two(service=service, heard=heard, other=other)


def seen_on_the_page() -> tuple[VenueView, SymbolView | None]:
    venue = next(view for view in feeds_view(now=timezone.now()).venues if view.code == "simulated")
    return venue, venue.symbols[0] if venue.symbols else None


async def told(kind: str, words: str) -> str:
    return await eventually(
        lambda: (
            FeedEvent.objects.filter(exchange__code="simulated", kind=kind, message__contains=words)
            .values_list("message", flat=True)
            .first()
        ),
    )


@pytest.mark.usefixtures("others_venue")
async def test_a_key_that_is_revoked_while_the_feed_runs(market):
    async with two_feeds() as two:
        before = len(two.other.events)
        await asyncio.to_thread(switch_fault, market, "refuse_connections", status=401, seconds=600.0)
        try:
            await asyncio.to_thread(switch_fault, market, "drop_sockets")
            assert "check key, token and permissions" in await told("not_allowed", "401")
            assert "401" in two.service.feed.denied
            row = await eventually(
                lambda: FeedStatus.objects.filter(exchange__code="simulated", reason__contains="401").first()
            )
            assert row.state != "live"
            await two.others_go_on(before)
        finally:
            await asyncio.to_thread(switch_fault, market, "refuse_connections", on=False)
        await two.until_state("live")
        # "live" may be the word of before.
        await eventually(lambda: not two.service.feed.denied)


@pytest.mark.usefixtures("others_venue")
async def test_a_frame_of_a_hundred_megabytes(market):
    async with two_feeds() as two:
        before = len(two.other.events)
        await asyncio.to_thread(switch_fault, market, "huge_frame", bytes=100_000_000)
        lost = await two.until_state("disconnected")
        assert "too big" in lost.reason
        assert await told("disconnected", "too big")
        await two.until_state("live")
        await two.others_go_on(before)


@pytest.mark.usefixtures("others_venue")
async def test_maintenance(market):
    async with two_feeds() as two:
        before = len(two.other.events)
        await asyncio.to_thread(switch_fault, market, "maintenance", seconds=600.0)
        try:
            await told("reconnecting", "503")

            def words() -> str:
                _, symbol = seen_on_the_page()
                return (
                    symbol.advice
                    if symbol is not None and "503 instead of a WebSocket: System maintenance" in symbol.trouble
                    else ""
                )

            assert "status page" in await eventually(words)
            await two.others_go_on(before)
        finally:
            await asyncio.to_thread(switch_fault, market, "maintenance", on=False)
        await two.until_state("live")


async def test_a_listing_that_changes_its_tick_size(market):
    await afollow(exchange="simulated", symbol=BTC, follower="bot:1")
    await afollow(exchange="simulated", symbol=ETH, follower="bot:1")

    def tick_size(symbol: str) -> float:
        return float(Instrument.objects.get(exchange__code="simulated", symbol=symbol).tick_size)

    async with listening() as heard, listening(ETH) as other, running_feed() as service:
        for listener in (heard, other):
            await listener.until(lambda event: isinstance(event, FeedState) and event.state == "live")
        tick, others_tick = await sync_to_async(tick_size)(BTC), await sync_to_async(tick_size)(ETH)
        await asyncio.to_thread(switch_fault, market, "listing_change", symbol="BTCUSDT", factor=100.0, seconds=600.0)
        try:
            service.reload()
            message = await told("rules_changed", "tick")
            assert message.startswith("BTC/USDT: tick size 0.01")
            assert "Nothing to do: orders use the new rules." in message
            assert await eventually(lambda: abs(tick_size(BTC) / tick - 100) < 1e-6)
            assert await sync_to_async(tick_size)(ETH) == others_tick
            assert service.feed.followed[BTC].stream.state == service.feed.followed[ETH].stream.state == "live"
        finally:
            await asyncio.to_thread(switch_fault, market, "listing_change", on=False)


async def test_a_slow_consumer_keeps_what_it_can_and_hinders_nobody(market):
    await afollow(exchange="simulated", symbol=BTC, follower="bot:1")
    inbox = Inbox()

    async def take_and_never_drain(listener: Listener) -> None:
        while True:
            read = await listener.read()
            if read is not None:
                inbox.put(read, joined=False)

    async with listening() as slow, listening() as quick, running_feed() as service:
        for listener in (slow, quick):
            await listener.until(lambda event: isinstance(event, FeedState) and event.state == "live")
        counts = service.feed.followed[BTC].stream.counts
        before = counts["in.trade"]
        tasks = [
            asyncio.create_task(take_and_never_drain(slow)),
            asyncio.create_task(quick.until(lambda event: False, timeout_s=150)),
        ]
        try:
            await asyncio.to_thread(
                switch_fault, market, "burst", symbol="BTCUSDT", channel="trade", rate=5_000.0, seconds=3.0
            )
            await eventually(lambda: counts["in.trade"] - before >= MAX_KEPT * 1.4)
            await eventually(lambda: inbox.queue.overflow > 0)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        kept = inbox.queue.drain()
        ids = [event.trade_id for event in kept if isinstance(event, TradeTick)]
        # The newest trades, none of them missing, and of quotes and books one.
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert len(ids) <= MAX_KEPT
        assert len([event for event in kept if isinstance(event, QuoteTick)]) == 1
        assert (slow.reader.missed, quick.missed, service.publisher.dropped) == (0, 0, 0)
