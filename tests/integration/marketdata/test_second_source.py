"""Two sources of one price: silence, divergence, and who is believed."""

import asyncio
import time
from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from msgspec.structs import replace

from marketdata import cache
from marketdata.cache import LatestQuote
from marketdata.events import BookSnapshot, FeedState, QuoteTick
from marketdata.feed import second_source
from marketdata.models import Exchange, FeedEvent
from tests.integration.marketdata.cast import add_venue, afollow, eventually, listening, running_feed, switch_fault
from tests.integration.marketdata.test_feed import is_state

SIDES = ("bids", "asks")

pytestmark = pytest.mark.django_db(transaction=True)


def other_quote(price: float) -> LatestQuote:
    """What the other exchange's feed writes into the cache, several times a second."""
    now_ns = time.time_ns()
    return LatestQuote(
        exchange="other", symbol="BTC/USDT", bid=price * 0.9999, bid_size=1.0, ask=price * 1.0001, ask_size=1.0,
        last=price, volume=None, quote_volume=None, change=None, volatility=None, state="live", source="websocket",
        reason="", ts_event=now_ns, ts_init=now_ns, now_ns=now_ns,
    )  # fmt: skip


async def venue_with_second_source(market, **fields) -> None:
    exchange = await sync_to_async(add_venue)(market)
    other = await Exchange.objects.acreate(code="other", name="Other", adapter="kraken", enabled=False)
    await Exchange.objects.filter(pk=exchange.pk).aupdate(second_source=other, **fields)
    await afollow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")


def tell(price: float) -> bool:
    cache.store([other_quote(price)], [], exchange="other", epoch=1)
    return True


async def test_another_exchange_stands_in_where_socket_and_rest_give_nothing(market):
    await venue_with_second_source(market)
    async with listening() as listener, running_feed() as service:
        await listener.until(is_state("live"))
        price = service.feed.followed["BTC/USDT"].stream.quote.mid
        switch_fault(market, "freeze_data", seconds=9)
        switch_fault(market, "maintenance", seconds=9)

        stream = service.feed.followed["BTC/USDT"].stream
        await eventually(lambda: tell(price) and stream.source == "other")
        state = await listener.until(lambda event: isinstance(event, FeedState) and event.source == "other")
        assert state.state == "fallback"
        assert "prices of other" in state.reason
        quote = await listener.until(lambda event: isinstance(event, QuoteTick))
        assert quote.exchange == "simulated"
        assert quote.bid == pytest.approx(price * 0.9999)
        state = await listener.until(is_state("live"))
        assert state.source == "websocket"


async def test_who_joins_while_another_exchange_stands_in_hears_so_and_its_prices(market):
    """No book tells them that prices are current, as another exchange's come without."""
    await venue_with_second_source(market)
    async with listening() as listener, running_feed() as service:
        await listener.until(is_state("live"))
        stream = service.feed.followed["BTC/USDT"].stream
        price = stream.quote.mid

        async def go_on_telling() -> None:
            while True:
                await sync_to_async(tell)(price)
                await asyncio.sleep(0.2)

        telling = asyncio.create_task(go_on_telling())
        try:
            switch_fault(market, "freeze_data", seconds=60)
            switch_fault(market, "maintenance", seconds=60)
            await listener.until(lambda event: isinstance(event, FeedState) and event.source == "other")
            async with listening() as late:
                state = await late.until(lambda event: isinstance(event, FeedState))
                assert (state.state, state.source) == ("fallback", "other")
                quote = await late.until(lambda event: isinstance(event, QuoteTick))
                assert quote.bid == pytest.approx(price * 0.9999)
                assert not any(isinstance(event, BookSnapshot) for event in late.events)
                switch_fault(market, "freeze_data", on=False)
                switch_fault(market, "maintenance", on=False)
                state = await late.until(is_state("live"))
                assert state.source == "websocket"
        finally:
            telling.cancel()


async def test_a_second_source_that_is_wrong_by_itself_holds_nothing(market):
    await venue_with_second_source(market, divergence_bps=50)
    async with listening() as listener, running_feed() as service:
        await listener.until(is_state("live"))
        stream = service.feed.followed["BTC/USDT"].stream
        told = FeedEvent.objects.filter(kind="divergence")
        await eventually(lambda: tell(stream.quote.mid * 1.02) and told.exists())
        event = await told.aget()
        assert "REST agrees with its socket" in event.message
        assert stream.state == "live"
        await eventually(lambda: tell(stream.quote.mid) and FeedEvent.objects.filter(kind="agreement").exists())


def with_prices(book: Callable, factor: float, *, update_id: int | None = None) -> Callable:
    """REST whose prices are off by a factor, or whose books are as old as `update_id`."""

    async def book_elsewhere(venue_symbol: str, *, symbol: str, limit: int):
        image = await book(venue_symbol, symbol=symbol, limit=limit)
        sides = {name: tuple((price * factor, size) for price, size in getattr(image, name)) for name in SIDES}
        return replace(image, **sides, update_id=update_id or image.update_id)

    return book_elsewhere


async def test_a_socket_that_everyone_contradicts_is_held_until_they_agree(market):
    await venue_with_second_source(market, divergence_bps=50)
    async with listening() as listener, running_feed() as service:
        await listener.until(is_state("live"))
        item = service.feed.followed["BTC/USDT"]
        rest = service.feed.rest_work.rest
        true_book = rest.book
        rest.book = with_prices(true_book, 1.02)
        await eventually(lambda: tell(item.stream.socket_quote.mid * 1.02) and item.stream.state != "live")
        state = await listener.until(is_state("stale"))
        assert "differs from other" in state.reason
        assert "and from its own REST" in state.reason
        event = await eventually(lambda: FeedEvent.objects.filter(kind="divergence").first())
        assert "held until they agree" in event.message
        rest.book = true_book
        await eventually(lambda: tell(item.stream.socket_quote.mid) and item.stream.state == "live")


async def test_a_held_symbol_is_released_by_rest_when_the_other_exchange_is_gone(market, monkeypatch):
    monkeypatch.setattr(second_source, "_SETTLE_EVERY_S", 1.0)
    await venue_with_second_source(market, divergence_bps=50)
    async with listening() as listener, running_feed() as service:
        await listener.until(is_state("live"))
        item = service.feed.followed["BTC/USDT"]
        rest = service.feed.rest_work.rest
        true_book = rest.book
        rest.book = with_prices(true_book, 1.02)
        await eventually(lambda: tell(item.stream.socket_quote.mid * 1.02) and item.stream.state != "live")
        rest.book = true_book
        # The other exchange says nothing more.
        await eventually(lambda: item.stream.state == "live" and item.stream.source == "websocket")


async def test_an_old_answer_of_rest_contradicts_nobody(market):
    await venue_with_second_source(market, divergence_bps=50)
    async with listening() as listener, running_feed() as service:
        await listener.until(is_state("live"))
        item = service.feed.followed["BTC/USDT"]
        rest = service.feed.rest_work.rest
        rest.book = with_prices(rest.book, 1.02, update_id=1)
        opinion = second_source.SecondSource(service.feed, other="", limit_bps=50)
        assert await opinion._rest_price(item) is None
        await eventually(lambda: item.stream.state == "live")
