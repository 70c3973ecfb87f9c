"""What the feed asks of a venue, and how often; and what it must not stumble over."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec
import pytest

from marketdata.connection import Backoff, ConnectBudget, ConnectionSettings
from marketdata.exchanges.adapter import (
    BookImage,
    BookProcedure,
    Endpoints,
    Listing,
    VenueUnavailable,
)
from marketdata.exchanges.binance.venue import BinanceAdapter
from marketdata.feed.config import FeedConfig
from marketdata.feed.exchange_feed import ExchangeFeed
from marketdata.feed.followed import Followed
from marketdata.feed.outlets import Outlets
from marketdata.feed.recovery import Recovery
from marketdata.feed.source import Health, Hearer
from tests.patience import PATIENCE_S
from tests.unit.marketdata.cast import SECOND, T0, delta, image, live_stream, quote, trade


class Asked:
    """A source that only counts."""

    def __init__(self) -> None:
        self.resubscribed: list[str] = []
        self.reconnected: list[str] = []

    def add(self, symbol: str, venue_symbol: str) -> None: ...

    def remove(self, symbol: str) -> None: ...

    def resubscribe(self, symbol: str, *, group: str = "") -> None:
        self.resubscribed.append(symbol)

    def reconnect(self, symbols: Sequence[str]) -> None:
        self.reconnected.extend(symbols)

    def unasked(self) -> frozenset[str]:
        return frozenset()

    def advance(self, now_s: float) -> None: ...

    def health(self, symbol: str) -> Health:
        return Health()

    async def close(self) -> None: ...


def followed() -> Followed:
    return Followed(
        symbol="BTC/USDT",
        venue_symbol="BTCUSDT",
        stream=live_stream(),
        image_backoff=Backoff(max_s=30, jitter=0, rng=random.Random(1)),
    )


def test_what_the_venue_refuses_is_asked_for_once_a_minute():
    source, item = Asked(), followed()
    recovery = Recovery(procedure=BookProcedure.SNAPSHOT_AND_BUFFER, source=source)
    item.resubscribed_ns = T0
    item.stream.refused(T0, reason="too many requests")
    for tenth in range(1, 1_250):
        now_ns = T0 + tenth * SECOND // 10
        item.stream.advance(now_ns)
        recovery.look_after([item], now_ns)
    assert source.resubscribed == ["BTC/USDT"] * 2


def test_no_two_sockets_take_the_same_place_in_the_budget():
    budget = ConnectBudget(6)
    assert [budget.reserve_s(100) for _ in range(4)] == [0] * 4
    assert [budget.reserve_s(100) for _ in range(5)] == [300, 300, 300, 300, 600]
    assert budget.reserve_s(1_000) == 0


def test_the_first_tries_of_a_storm_are_at_once_then_each_waits_longer():
    backoff = Backoff(max_s=4, jitter=0, rng=random.Random(1), at_once=3)
    assert [backoff.next_delay_s() for _ in range(8)] == [0, 0, 0, 1, 2, 4, 4, 4]
    backoff.reset()
    assert backoff.next_delay_s() == 0


class SlowRest:
    """Answers nothing until it is told to, and then fails."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()

    async def book(self, venue_symbol: str, *, symbol: str, limit: int) -> BookImage:
        self.asked.set()
        await self.answer.wait()
        raise VenueUnavailable("no answer")


async def no_pace() -> None:
    await asyncio.sleep(0)


def btc_listing() -> Listing:
    one = Decimal("0.01")
    return Listing(
        symbol="BTC/USDT", venue_symbol="BTCUSDT", base="BTC", quote="USDT", tick_size=one, lot_size=one,
        min_quantity=one, max_quantity=one, min_notional=one, active=True,
    )  # fmt: skip


def feed_of(
    rest: object, *, make_source: Callable[[Hearer], Asked], clock_ns: Callable[[], int] = time.time_ns
) -> ExchangeFeed:
    """A feed that follows BTC/USDT, without sockets."""
    outlets = Outlets(
        publish=lambda symbol, events: None,
        note=lambda kind, message, symbol: None,
        keep_bar=lambda symbol, bar: None,
        keep_liquidation=lambda event: None,
        history_kept=lambda symbol, timeframe: None,
        fail=lambda error: None,
        pace=no_pace,
    )
    config = FeedConfig(
        exchange_id=1,
        exchange="binance",
        environment="live",
        clock="system",
        adapter=BinanceAdapter(),
        endpoints=Endpoints(rest_url="http://localhost", websocket_url="ws://localhost"),
        connection=ConnectionSettings(),
        failed_after=5,
    )
    feed = ExchangeFeed(
        config, rest=rest, outlets=outlets, rng=random.Random(1), make_source=make_source, clock_ns=clock_ns  # type: ignore[arg-type]
    )  # fmt: skip
    feed.set_listings([btc_listing()])
    feed.follow(["BTC/USDT"])
    return feed


async def test_a_symbol_unfollowed_while_rest_is_asked_for_it_disturbs_nobody():
    rest = SlowRest()
    feed = feed_of(rest, make_source=lambda hearer: Asked())
    stream = feed.followed["BTC/USDT"].stream
    began_ns = time.time_ns()
    stream.connected(began_ns)
    stream.receive(image(10, at=began_ns))
    stream.receive(quote(99, 101, at=began_ns, id=10))
    stream.advance(began_ns + 10 * SECOND)
    stream.receive_polled(image(11, at=began_ns + 10 * SECOND))
    assert stream.state == "fallback"
    polling = asyncio.create_task(feed.rest_work.poll(lambda: list(feed.followed.values())))
    await rest.asked.wait()
    feed.follow([])
    rest.answer.set()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not polling.done()
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)


async def test_a_symbol_followed_again_does_not_wait_for_the_patience_with_its_predecessor():
    rest = SlowRest()
    feed = feed_of(rest, make_source=lambda hearer: Asked())

    def ask() -> None:
        stream = feed.followed["BTC/USDT"].stream
        stream.connected(time.time_ns())
        stream.receive(delta(11, 12))
        feed.rest_work.look_after(feed.followed.values(), images=True)

    for _ in range(8):
        feed.followed["BTC/USDT"].image_backoff.next_delay_s()
    ask()
    feed.follow([])
    feed.follow(["BTC/USDT"])
    ask()
    async with asyncio.timeout(PATIENCE_S):
        await rest.asked.wait()
    await feed.rest_work.close()


def hearing(heard: list[Hearer], source: Asked) -> Callable[[Hearer], Asked]:
    def make(hearer: Hearer) -> Asked:
        heard.append(hearer)
        return source

    return make


class Times:
    """A venue whose clock is ours less `behind_ns`, which its REST tells."""

    def __init__(self, now_ns: Callable[[], int], *, behind_ns: int) -> None:
        self._now_ns = now_ns
        self.behind_ns = behind_ns

    async def server_time_ns(self) -> int:
        return self._now_ns() - self.behind_ns


@pytest.mark.parametrize("is_set", [True, False])
async def test_who_asks_the_venue_for_its_time_tells_a_clock_that_was_set_from_late_data(is_set):
    now_ns = T0
    heard: list[Hearer] = []

    class Renewing(Asked):
        """Its new socket is up at once."""

        def reconnect(self, symbols: Sequence[str]) -> None:
            super().reconnect(symbols)
            heard[0].down(symbols, "renewed", Health(connects=1, failures=1))
            heard[0].up(symbols, Health(connects=2))

    source, venue = Renewing(), Times(lambda: now_ns, behind_ns=0)
    feed = feed_of(venue, make_source=hearing(heard, source), clock_ns=lambda: now_ns)
    heard[0].up(["BTC/USDT"], Health(connects=1))
    stream = feed.followed["BTC/USDT"].stream

    async def pass_by(seconds: int, *, behind_ns: int) -> None:
        nonlocal now_ns
        for tenth in range(seconds * 10):
            now_ns += SECOND // 10
            print_ = trade(100, at=now_ns, id=now_ns)
            feed.take([msgspec.structs.replace(print_, ts_event=now_ns - behind_ns)])
            feed.advance()
            if not tenth % 10:
                await feed.clock_check.ask()

    await pass_by(70, behind_ns=0)
    assert not stream.is_late
    venue.behind_ns = 3 * SECOND if is_set else 0
    await pass_by(5, behind_ns=3 * SECOND)
    assert stream.is_late is not is_set
    # Longer than what the stream tells is remembered.
    await pass_by(200, behind_ns=3 * SECOND)
    assert stream.is_late is not is_set
    assert bool(source.reconnected) is not is_set
    await pass_by(2, behind_ns=venue.behind_ns)
    assert not stream.is_late


async def test_data_that_is_late_from_the_beginning_is_not_believed():
    heard: list[Hearer] = []
    feed = feed_of(
        Times(lambda: T0, behind_ns=-1 * SECOND),
        make_source=hearing(heard, Asked()),
        clock_ns=lambda: T0,
    )
    heard[0].up(["BTC/USDT"], Health(connects=1))
    await feed.clock_check.ask()
    stream = feed.followed["BTC/USDT"].stream
    feed.take([msgspec.structs.replace(trade(100, at=T0, id=1), ts_event=T0 - 2 * SECOND)])
    assert stream.is_late
    assert stream.lag_ns == pytest.approx(3 * SECOND, abs=SECOND / 1000)
    feed.take([msgspec.structs.replace(trade(100, at=T0, id=2), ts_event=T0 + SECOND)])
    assert not stream.is_late


async def test_a_venue_that_does_not_tell_its_time_changes_nothing():
    class Silent:
        async def server_time_ns(self) -> int:
            raise VenueUnavailable("maintenance")

    feed = feed_of(Silent(), make_source=lambda hearer: Asked())
    feed.clock.observe(ts_event=T0, ts_init=T0 + SECOND)
    await feed.clock_check.ask()
    assert feed.clock.now_ns(T0 + SECOND) == T0
