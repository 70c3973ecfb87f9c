"""What the feed asks of a venue, and how often; and what it must not stumble over."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

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
    async with asyncio.timeout(5):
        await rest.asked.wait()
    await feed.rest_work.close()


def test_a_clock_that_was_set_is_learnt_within_seconds():
    now_ns = T0
    heard: list[Hearer] = []

    class Renewing(Asked):
        """Its new socket is up at once."""

        def reconnect(self, symbols: Sequence[str]) -> None:
            super().reconnect(symbols)
            heard[0].down(symbols, "renewed", Health(connects=1, failures=1))
            heard[0].up(symbols, Health(connects=2))

    source = Renewing()
    feed = feed_of(SlowRest(), make_source=lambda hearer: heard.append(hearer) or source, clock_ns=lambda: now_ns)
    heard[0].up(["BTC/USDT"], Health(connects=1))
    stream = feed.followed["BTC/USDT"].stream

    def pass_by(seconds: int, *, behind_ns: int) -> None:
        nonlocal now_ns
        for _ in range(seconds * 10):
            now_ns += SECOND // 10
            print_ = trade(100, at=now_ns, id=now_ns)
            feed.take([msgspec.structs.replace(print_, ts_event=now_ns - behind_ns)])
            feed.advance()

    pass_by(70, behind_ns=0)
    assert not stream.is_late
    pass_by(5, behind_ns=3 * SECOND)
    assert stream.is_late
    pass_by(15, behind_ns=3 * SECOND)
    assert not stream.is_late
    assert source.reconnected == ["BTC/USDT"]
