"""The feed over real sockets, Redis and PostgreSQL, against the simulated exchange."""

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from marketdata.cache import alatest_quote, alatest_snapshot
from marketdata.events import BookSnapshot, FeedState, QuoteTick, Ticker, TradeTick
from marketdata.history import load_bars
from marketdata.market import get_market_data
from marketdata.models import Exchange, FeedEvent, FeedLease, FeedStatus, Instrument, Subscription
from marketdata.operations import unfollow
from marketdata.queries import feed_rows
from tests.integration.marketdata.cast import afollow, eventually, listening, running_feed, switch_fault

pytestmark = pytest.mark.usefixtures("venue")


def is_state(state: str):
    return lambda event: isinstance(event, FeedState) and event.state == state


async def follow_btc() -> None:
    await afollow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")


def is_a(kind, event):
    return isinstance(event, kind)


def all_bars(timeframe, count):
    bars = load_bars("simulated", "BTC/USDT", timeframe, count)
    return bars if len(bars) == count else None


async def test_ticks_reach_the_channel_layer_the_cache_and_the_database():
    await follow_btc()
    async with listening() as listener, running_feed():
        await listener.until(is_state("live"))
        for kind in (QuoteTick, TradeTick, BookSnapshot, Ticker):
            await listener.until(partial(is_a, kind))
        assert listener.missed == 0
        row = await eventually(lambda: FeedStatus.objects.filter(state="live", messages__gt=0).first())
        assert row.symbol == "BTC/USDT"
        assert row.last_price > 0
        assert await eventually(lambda: len(load_bars("simulated", "BTC/USDT", "1m", 600)) >= 499)
        quote = await alatest_quote("simulated", "BTC/USDT")
        assert quote.state == "live"
        assert 0 < quote.bid < quote.ask
        snapshot = await alatest_snapshot("simulated", "BTC/USDT")
        assert len(snapshot.book.bids) == 20
        assert snapshot.epoch == 1
        (data,) = await eventually(
            lambda: [row for row in get_market_data(["BTC/USDT", "NO/SUCH"]) if row.volatility is not None]
        )
        assert data.bid <= data.price * 1.01
        assert data.volume > 0
        assert data.volatility > 0


async def test_history_is_contiguous_and_marked(market):
    await follow_btc()
    async with running_feed():
        for timeframe, seconds, count in (("1m", 60, 499), ("5m", 300, 299), ("1h", 3600, 40)):
            bars = await eventually(partial(all_bars, timeframe, count))
            assert {b.ts_open - a.ts_open for a, b in pairwise(bars)} == {seconds * 10**9}
            assert all(bar.low <= bar.open <= bar.high and bar.source in ("rest", "synthetic") for bar in bars)


async def test_instruments_are_stored_with_their_rules():
    await follow_btc()
    async with running_feed():
        await eventually(lambda: Instrument.objects.filter(symbol="BTC/USDT").exists())
        instrument = await Instrument.objects.aget(symbol="BTC/USDT")
    assert instrument.venue_symbol == "BTCUSDT"
    assert instrument.tick_size > 0
    assert instrument.lot_size > 0
    assert instrument.min_notional > 0


@pytest.mark.punctual
async def test_a_new_subscription_streams_within_two_seconds_and_the_last_unfollow_ends_it():
    await follow_btc()
    async with listening("ETH/USDT") as listener, running_feed() as service:
        await eventually(lambda: service.feed is not None and "BTC/USDT" in service.feed.followed)
        btc: Any = service.feed.followed["BTC/USDT"]
        await eventually(lambda: btc.health.connects == 1)
        begin = time.monotonic()
        await afollow(exchange="simulated", symbol="ETH/USDT", follower="bot:2")
        await listener.until(lambda event: isinstance(event, QuoteTick))
        assert time.monotonic() - begin < 2.0
        assert len(service.feed.source.sockets) == 1
        assert service.feed.followed["ETH/USDT"].health.connects == btc.health.connects == 1
        await sync_to_async(unfollow)(follower="bot:2")
        await eventually(lambda: "ETH/USDT" not in service.feed.followed)
        await eventually(lambda: not FeedStatus.objects.filter(symbol="ETH/USDT").exists())
        assert "BTC/USDT" in service.feed.followed


async def test_an_unknown_symbol_says_what_to_do_while_the_good_ones_run():
    await follow_btc()
    await afollow(exchange="simulated", symbol="ETX/USDT", follower="bot:1")
    async with listening() as listener, running_feed():
        await listener.until(is_state("live"))
        row = await eventually(lambda: FeedStatus.objects.filter(state="unknown_symbol").first())
    assert row.symbol == "ETX/USDT"
    assert "did you mean ETH/USDT" in row.reason


@pytest.mark.punctual
async def test_a_cut_socket_comes_back(market):
    await follow_btc()
    async with listening() as listener, running_feed():
        await listener.until(is_state("live"))
        switch_fault(market, "drop_sockets")
        await listener.until(is_state("disconnected"))
        begin = time.monotonic()
        await listener.until(is_state("live"))
        assert time.monotonic() - begin < 5.0
        await eventually(lambda: FeedStatus.objects.filter(reconnects=1, state="live").exists())
        kinds = set(await sync_to_async(lambda: list(FeedEvent.objects.values_list("kind", flat=True)))())
    assert {"connected", "live", "disconnected"} <= kinds
    assert listener.missed == 0


@pytest.mark.punctual
async def test_frozen_data_is_stale_within_three_seconds_then_rest_carries_on_and_hands_back(market):
    await follow_btc()
    async with listening() as listener, running_feed() as service:
        await listener.until(is_state("live"))
        await listener.until(lambda event: isinstance(event, TradeTick))
        switch_fault(market, "freeze_data", seconds=8)
        begin = time.monotonic()
        await listener.until(is_state("stale"))
        assert time.monotonic() - begin < 3.0
        state = await listener.until(is_state("fallback"))
        assert state.source == "rest"
        await listener.until(lambda event: isinstance(event, QuoteTick))
        await eventually(lambda: FeedStatus.objects.filter(state="fallback", source="rest").exists())
        state = await listener.until(is_state("live"))
        assert state.source == "websocket"
        # A socket that brings nothing at all is given up, but not again and again.
        assert service.feed.followed["BTC/USDT"].health.connects <= 2


async def test_a_dropped_delta_is_resynced_and_no_book_is_published_meanwhile(market):
    await follow_btc()
    async with listening() as listener, running_feed() as service:
        await listener.until(is_state("live"))
        switch_fault(market, "skip_depth", symbol="BTCUSDT")
        await listener.until(is_state("resyncing"))
        await listener.until(is_state("live"))
        await eventually(lambda: FeedEvent.objects.filter(kind="gap", symbol="BTC/USDT").exists())
        states = [event for event in listener.events if isinstance(event, FeedState | BookSnapshot)]
        gap = next(at for at, event in enumerate(states) if is_state("resyncing")(event) and "gap" in event.reason)
        assert is_state("live")(states[gap + 1])
        assert service.feed.followed["BTC/USDT"].stream.gaps == 1


async def test_a_second_feed_stands_by_until_the_first_is_gone():
    venue = await Exchange.objects.aget()
    later = datetime.now(tz=UTC) + timedelta(minutes=5)
    lease = await FeedLease.objects.acreate(exchange=venue, holder="elsewhere:1:abc", epoch=7, expires_at=later)
    await follow_btc()
    async with listening() as listener, running_feed() as service:
        await eventually(lambda: service.is_standby)
        assert service.feed is None
        lease.expires_at = datetime.now(tz=UTC)
        await lease.asave()
        await listener.until(is_state("live"))
    assert set(listener.epochs) == {8}


async def test_a_feed_that_lost_its_lease_stops_publishing():
    await follow_btc()
    async with listening() as listener, running_feed() as service:
        await listener.until(is_state("live"))
        later = datetime.now(tz=UTC) + timedelta(minutes=5)
        await FeedLease.objects.aupdate(holder="elsewhere:1:abc", epoch=2, expires_at=later)
        await eventually(lambda: service.is_standby)
        await listener.until(is_state("disconnected"))
        listener.skip_heard()
        with pytest.raises(TimeoutError):
            await listener.until(lambda event: True, timeout_s=1)
    assert (await FeedLease.objects.aget()).holder == "elsewhere:1:abc"


async def test_a_stopped_feed_says_that_its_prices_are_old():
    await follow_btc()
    async with listening() as listener:
        async with running_feed():
            await listener.until(is_state("live"))
        state = await listener.until(is_state("disconnected"))
    assert state.reason == "the feed was stopped"
    row = await FeedStatus.objects.aget()
    assert row.state == "disconnected"


async def test_a_dry_run_writes_nothing():
    async with listening() as listener, running_feed(symbols=["BTC/USDT"], dry_run=True) as service:
        await eventually(lambda: service.feed is not None and service.feed.followed)
        item = service.feed.followed["BTC/USDT"]
        await eventually(lambda: item.stream.state == "live")
        listener.skip_heard()
        with pytest.raises(TimeoutError):
            await listener.until(lambda event: True, timeout_s=1)
    for model in (FeedStatus, FeedEvent, FeedLease, Instrument, Subscription):
        assert not await model.objects.aexists()


async def test_feed_rows_count_followers():
    await follow_btc()
    await afollow(exchange="simulated", symbol="BTC/USDT", follower="bot:2")
    async with listening() as listener, running_feed():
        await listener.until(is_state("live"))
        await eventually(lambda: FeedStatus.objects.filter(state="live").exists())
        status = await FeedStatus.objects.aget()
        (row,) = await sync_to_async(feed_rows)(now=status.updated_at)
    assert (row.symbol, row.followers, row.is_running) == ("BTC/USDT", 2, True)
    assert row.tick_age_s is not None
    assert row.tick_age_s < 5
