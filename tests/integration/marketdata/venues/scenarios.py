"""What every venue's adapter must do in the running feed, over real sockets, PostgreSQL and Redis.

A venue's test module has a subclass, whose attributes say in what its dialect differs.
"""

from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async

from marketdata.events import Bar, BookSnapshot, FeedState, QuoteTick, TradeTick
from marketdata.models import FeedEvent, FeedStatus
from marketdata.operations import unfollow
from tests.integration.marketdata.cast import eventually
from tests.integration.marketdata.venues.cast import (
    Hearing,
    Scene,
    goes_back,
    is_live,
    is_state,
    prints_of,
    scene_at,
    true_prints,
    until_true,
    untrue,
)
from tests.venues.market import NS_PER_MS
from tests.venues.server import Fault, VenueServer

ALL_FAULTS = (Fault.DROP, Fault.DUPLICATE, Fault.SWAP, Fault.BREAK)


@pytest.mark.usefixtures("transactional_db", "redis_flush")
class BookScenarios:
    """What the book and the prints must be."""

    # Their servers and the feed share a process: beside tests that work hard their clocks stumble.
    pytestmark = pytest.mark.punctual

    venue: ClassVar[type[VenueServer]]
    faults: ClassVar[Sequence[Fault]] = ALL_FAULTS
    # Those after which the book has to begin anew.
    noticed: ClassVar[Sequence[Fault]] = ALL_FAULTS
    # How a consumer's book is numbered: by the venue's own sequence, or not at all.
    books_by_sequence: ClassVar[bool] = False
    # Where a hole in what the whole socket brings is healed by another socket, prints are lost with it.
    reconnects_after_a_gap: ClassVar[bool] = False
    refusal: ClassVar[str]
    token_advice: ClassVar[str] = "check key, token and permissions"

    @pytest_asyncio.fixture
    async def server(self) -> AsyncIterator[VenueServer]:
        server = await self.venue.start()
        yield server
        await server.stop()

    @property
    def symbols(self) -> list[str]:
        """Two that work, and one that is refused."""
        return [symbol for symbol, _, _ in self.venue.symbols]

    def assert_true(self, hearing: Hearing) -> None:
        assert untrue(hearing, books_by_sequence=self.books_by_sequence) == []
        assert hearing.listener.missed == 0

    async def test_what_is_published_is_what_the_venue_has(self, server):
        btc, eth, _ = self.symbols
        server.begins_late_in_a_minute = True
        async with scene_at(server, [btc, eth]) as scene:
            for hearing in scene.heard.values():
                await hearing.until(is_live)
            hearing = scene.heard[btc]
            bar = await hearing.until(lambda event: isinstance(event, Bar) and event.timeframe == "1m" and event.closed)
            await hearing.until_a_new(TradeTick)
            await hearing.until_a_new(QuoteTick)
            self.assert_true(hearing)
            self.assert_true(scene.heard[eth])
            assert not goes_back(hearing.events)
            self.assert_bar_is_the_venues(bar, hearing)
            prints = prints_of(hearing.events)
            assert prints == true_prints(hearing.market, since_ms=prints[0][0], until_ms=prints[-1][0])
            await self.assert_more(scene)
            await self.assert_one_may_leave(scene, btc, eth)

    async def assert_one_may_leave(self, scene: Scene, stays: str, leaves: str) -> None:
        """Both are on one socket, which goes on."""
        server, hearing = scene.server, scene.heard[stays]
        names = [server.market(symbol).venue_symbol for symbol in (stays, leaves)]
        hearing.listener.skip_heard()
        begin = len(hearing.events)
        await sync_to_async(unfollow)(follower=f"test:{leaves}")
        (client,) = server.clients
        await until_true(lambda: names[1] not in {name for _, name in client.subscriptions})
        await hearing.until_a_new(BookSnapshot)
        await hearing.until_a_new(QuoteTick)
        assert server.clients == [client]
        assert server.counts["connections"] == 1
        assert client in server.subscribers(server.book_channel, names[0])
        assert not [event for event in hearing.events[begin:] if isinstance(event, FeedState)]
        assert (scene.item(stays).stream.state, scene.item(stays).reconnects) == ("live", 0)
        self.assert_true(hearing)

    def assert_bar_is_the_venues(self, bar: Bar, hearing: Hearing) -> None:
        market = hearing.market
        minute = next(each for each in market.minutes if each.open_ms * NS_PER_MS == bar.ts_open)
        there = tuple(market.price(price) for price in (minute.open, minute.high, minute.low, minute.close))
        assert (bar.open, bar.high, bar.low, bar.close) == there
        assert bar.volume == pytest.approx(market.size(minute.volume))

    async def assert_more(self, scene: Scene) -> None:
        """What only this venue has."""

    async def test_lost_and_damaged_updates_are_noticed_and_never_published(self, server):
        btc = self.symbols[0]
        async with scene_at(server, [btc]) as scene:
            hearing = scene.first
            await hearing.until(is_live)
            for fault in self.faults:
                hearing.listener.skip_heard()
                gaps = scene.item(btc).stream.gaps
                struck = server.strike(fault, btc)
                await until_true(struck.is_set)
                if fault in self.noticed:
                    state = await hearing.until(is_state("resyncing"))
                    assert state.reason.startswith("order book: "), fault
                    await hearing.until(is_live)
                    # Two gaps in a row are met less quickly.
                    await until_true(lambda: not scene.item(btc).recovery_due_ns)
                else:
                    await hearing.until_a_new(BookSnapshot)
                    assert scene.item(btc).stream.state == "live", fault
                    assert scene.item(btc).stream.gaps == gaps, fault
            await hearing.until_a_new(BookSnapshot)
            self.assert_true(hearing)
            assert not goes_back(hearing.events)
            if not self.reconnects_after_a_gap:
                prints = prints_of(hearing.events)
                assert prints == true_prints(hearing.market, since_ms=prints[0][0], until_ms=prints[-1][0])
            if self.noticed:
                await scene.told("gap", symbol=btc)


class VenueScenarios(BookScenarios):
    """The same, and what must be told when the venue is silent, away, or does not let us in."""

    async def test_silence_is_stale_then_rest_stands_in_and_hands_back(self, server):
        btc = self.symbols[0]
        async with scene_at(server, [btc]) as scene:
            hearing = scene.first
            await hearing.until(is_live)
            await hearing.until_a_new(BookSnapshot)
            server.is_silent = True
            stale = await hearing.until(is_state("stale"))
            newest_ns = max(
                event.ts_init for event in hearing.events if isinstance(event, BookSnapshot | QuoteTick | TradeTick)
            )
            assert 0 < stale.ts_init - newest_ns < 3_000_000_000
            state = await hearing.until(is_state("fallback"))
            assert state.source == "rest"
            await hearing.until_a_new(QuoteTick)
            server.is_silent = False
            state = await hearing.until(is_live)
            assert state.source == "websocket"
            await hearing.until_a_new(BookSnapshot)
            self.assert_true(hearing)
            assert not goes_back(hearing.events)

    async def test_a_refused_and_an_unknown_symbol_leave_the_others_alone(self, server):
        btc, eth, foo = self.symbols
        unknown = btc.replace("BTC", "BTX")
        async with scene_at(server, [btc, foo, eth, unknown]) as scene:
            await scene.heard[btc].until(is_live)
            await scene.heard[eth].until(is_live)
            state = await scene.heard[foo].until(is_state("refused"))
            assert self.refusal in state.reason
            assert self.refusal in await scene.told("refused", symbol=foo)
            assert f"did you mean {btc}" in await scene.told("unknown_symbol", symbol=unknown)
            row = await eventually(lambda: FeedStatus.objects.filter(symbol=unknown).first())
            assert row.state == "unknown_symbol"
            for symbol in (btc, eth):
                await scene.heard[symbol].until_a_new(BookSnapshot)
                await scene.heard[symbol].until_a_new(QuoteTick)
                assert scene.item(symbol).stream.state == "live"
                self.assert_true(scene.heard[symbol])
            assert scene.item(foo).stream.state in ("refused", "fallback")
            assert self.refusal in scene.item(foo).stream.reason

    async def test_a_cut_socket_and_maintenance_are_told_and_end(self, server):
        btc = self.symbols[0]
        async with scene_at(server, [btc]) as scene:
            await scene.first.until(is_live)
            server.cut()
            await scene.first.until(is_state("disconnected"))
            await scene.first.until(is_live)
            await eventually(lambda: FeedStatus.objects.filter(symbol=btc, reconnects=1, state="live").exists())
            await server.close_for_maintenance("maintenance until 10:00 UTC")
            state = await scene.first.until(is_state("disconnected"))
            assert "maintenance until 10:00 UTC" in state.reason
            assert "503" in await scene.told("reconnecting")
            messages = await sync_to_async(lambda: list(FeedEvent.objects.values_list("message", flat=True)))()
            assert any("maintenance until 10:00 UTC" in message for message in messages)
            server.maintenance = ""
            await scene.first.until(is_live)
            await scene.first.until_a_new(BookSnapshot)
            self.assert_true(scene.first)
            assert not goes_back(scene.first.events)

    async def test_an_expired_token_is_told_with_what_to_do(self, server):
        btc = self.symbols[0]
        server.expire_token()
        async with scene_at(server, [btc]) as scene:
            message = await scene.told("not_allowed")
            assert self.token_advice in message
            server.has_expired_token = False
            await scene.first.until(is_live)
            assert scene.service.feed.denied == ""
