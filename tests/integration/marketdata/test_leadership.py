"""Several feed processes on one exchange: one leads, and what an old leader says or writes late counts for nothing."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connections

from marketdata import cache
from marketdata.cache import LatestQuote, LatestSnapshot, latest_quote, latest_snapshot
from marketdata.events import Bar
from marketdata.feed.lease import LeaseLost, as_leader, give_lease_back, new_holder, renew_lease, take_lease
from marketdata.feed.recorder import Recorder
from marketdata.models import BarRow, Exchange, FeedLease, FeedStatus, Instrument
from marketdata.operations import follow
from tests.chaos.consumer import consuming
from tests.chaos.leaders import SYMBOLS, TAKEOVER_S, Leaders, leading
from tests.chaos.world import until, world
from tests.integration.marketdata.cast import add_venue
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.usefixtures("transactional_db", "redis_flush")]
MINUTE_NS = 60_000_000_000


@pytest.fixture
def venue(transactional_db: None) -> Exchange:
    return Exchange.objects.create(code="simulated", name="Simulated", adapter="binance")


@pytest.mark.slow
async def test_a_killed_leader_is_replaced_in_ten_seconds_also_when_it_was_on_another_host():
    async with leading(3) as leaders:
        assert (await leaders.lease()).epoch == 1
        assert await leaders.kill() <= TAKEOVER_S
        assert (await leaders.lease()).epoch == 2
        seconds, after_lease_ns = await leaders.kill_elsewhere()
        assert seconds <= TAKEOVER_S
        assert after_lease_ns > 0
        assert set(leaders.consumer.first_ns) == {1, 2, 3}
        assert leaders.consumer.outdated == 0
        assert leaders.world.exceptions() == []


@pytest.mark.slow
async def test_a_leader_that_slept_past_its_lease_is_heard_by_nobody_and_stands_by():
    async with leading(2) as leaders:
        paused = await leaders.pause()
        assert paused.seconds <= TAKEOVER_S
        assert paused.dropped > 0
        assert paused.cache_behind == 0
        consumer = leaders.consumer
        assert consumer.outdated == 0
        before = consumer.accepted[2]
        await until(lambda: consumer.accepted[2] > before + 20, timeout_s=PATIENCE_S, what="the new leader goes on")
        assert (await leaders.lease()).epoch == 2
        # The one that woke up is a good successor again.
        assert await leaders.kill() <= TAKEOVER_S
        assert leaders.world.exceptions() == []


@pytest.mark.slow
async def test_exchanges_are_led_by_different_processes_and_one_standby_serves_both():
    async with world(SYMBOLS) as there:
        first = await sync_to_async(add_venue)(there.market)
        await Exchange.objects.acreate(
            code="other", name="Other", adapter="binance", environment="simulated", rest_url=first.rest_url,
            websocket_url=first.websocket_url,
        )  # fmt: skip
        for code in ("simulated", "other"):
            await sync_to_async(follow)(exchange=code, symbol="BTC/USDT", follower="bot:1")
        async with (
            consuming(SYMBOLS[:1], redis_url=there.redis_url) as here,
            consuming(SYMBOLS[:1], redis_url=there.redis_url, exchange="other") as elsewhere,
        ):
            one, two = Leaders(there, here), Leaders(there, elsewhere, exchange="other")
            one.feeds, two.feeds = [there.feed("--exchange", "simulated")], [there.feed("--exchange", "other")]
            await one.accepted(1)
            await two.accepted(1)
            standby = there.feed()
            one.feeds.append(standby)
            two.feeds.append(standby)
            await until(
                lambda: standby.said.count("standing by") == 2, timeout_s=PATIENCE_S, what="it stands by for both"
            )
            holders = {lease.holder async for lease in FeedLease.objects.all()}
            assert len(holders) == 2
            assert await one.kill() <= TAKEOVER_S
            assert (await two.lease()).epoch == 1
            assert await two.leader() is two.feeds[0]
            assert await one.leader() is standby


def test_leases_pass_on_only_when_free_given_back_or_over(venue: Exchange):
    take = lambda holder: take_lease(exchange_id=venue.pk, holder=holder)  # noqa: E731
    assert take("here:1:a") == 1
    assert take("elsewhere:1:b") is None
    give_lease_back(exchange_id=venue.pk, holder="here:1:a", epoch=1)
    assert take("elsewhere:1:b") == 2
    assert not renew_lease(exchange_id=venue.pk, holder="here:1:a", epoch=1)
    assert renew_lease(exchange_id=venue.pk, holder="elsewhere:1:b", epoch=2)
    assert take("here:1:a") is None
    FeedLease.objects.update(expires_at="2026-01-01T00:00Z")
    assert take("here:1:a") == 3


def test_only_a_process_of_the_same_machine_is_found_dead(venue: Exchange):
    take = lambda holder: take_lease(exchange_id=venue.pk, holder=holder)  # noqa: E731
    host, _, token, machine = new_holder().split(":")
    # Another container may have the same host name, and processes that are not seen from here.
    elsewhere = f"{host}:{os.getpid()}:{token}:{'0' * len(machine)}"
    assert take(elsewhere) == 1
    assert take(new_holder()) is None
    FeedLease.objects.update(holder=f"{host}:{2**22 + 1}:{token}:{machine}")
    assert take(new_holder()) == 2


def test_a_leader_that_falls_asleep_while_it_writes_holds_nobody_up(venue: Exchange):
    assert take_lease(exchange_id=venue.pk, holder="elsewhere:1:a") == 1
    writing, wakes = threading.Event(), threading.Event()

    def write() -> None:
        try:
            with as_leader(exchange_id=venue.pk, epoch=1):
                writing.set()
                wakes.wait(30)
                Exchange.objects.update(name="Written by the old leader")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as pool:
        sleeper = pool.submit(write)
        assert writing.wait(30)
        FeedLease.objects.update(expires_at="2026-01-01T00:00Z")
        assert take_lease(exchange_id=venue.pk, holder="elsewhere:1:b") == 2
        wakes.set()
        with pytest.raises(DatabaseError):
            sleeper.result(30)
    assert Exchange.objects.get().name == "Simulated"


async def test_an_old_leader_writes_no_bars_and_no_states(venue: Exchange):
    @sync_to_async
    def counts() -> tuple[int, list[str]]:
        return BarRow.objects.count(), list(FeedStatus.objects.values_list("state", flat=True))

    btc = await Instrument.objects.acreate(
        exchange=venue, symbol="BTC/USDT", venue_symbol="BTCUSDT", base="BTC", quote="USDT", tick_size="0.01",
        lot_size="0.00001", min_quantity="0.00001", max_quantity="9000", min_notional="5",
    )  # fmt: skip
    bar = Bar(
        exchange="simulated", symbol="BTC/USDT", timeframe="1m", ts_open=0, ts_close=MINUTE_NS, open=1.0, high=1.0,
        low=1.0, close=1.0, volume=1.0, taker_buy_volume=None, trades=1, source="rest",
    )  # fmt: skip
    old, new = (Recorder(exchange_id=venue.pk, exchange="simulated", enabled=True) for _ in range(2))
    old.epoch = await sync_to_async(take_lease)(exchange_id=venue.pk, holder="elsewhere:1:a") or 0
    await FeedLease.objects.aupdate(expires_at="2026-01-01T00:00Z")
    new.epoch = await sync_to_async(take_lease)(exchange_id=venue.pk, holder="elsewhere:1:b") or 0

    def state(name: str) -> FeedStatus:
        return FeedStatus(
            exchange=venue,
            symbol="BTC/USDT",
            state=name,
            last_price=1,
            messages_per_s=0,
            updated_at="2026-01-01T00:00Z",
        )

    await new.write([state("live")])
    told: list[str] = []
    old.keep_bar(btc.pk, bar)
    old.when_stored(lambda: told.append("old"))
    with pytest.raises(LeaseLost):
        await old.write([state("disconnected")])
    with pytest.raises(LeaseLost):
        await old.write([])
    assert await counts() == (0, ["live"])
    assert told == []
    new.keep_bar(btc.pk, bar)
    await new.write([state("stale")])
    assert await counts() == (1, ["stale"])


def quote_at(price: float) -> LatestQuote:
    now_ns = time.time_ns()
    return LatestQuote(
        exchange="simulated", symbol="BTC/USDT", bid=price, bid_size=1, ask=price, ask_size=1, last=price, volume=None,
        quote_volume=None, change=None, volatility=None, state="live", source="websocket", reason="",
        ts_event=now_ns, ts_init=now_ns, now_ns=now_ns,
    )  # fmt: skip


def snapshot_of(epoch: int) -> LatestSnapshot:
    return LatestSnapshot(
        exchange="simulated", symbol="BTC/USDT", epoch=epoch, sequence=1, state="live", reason="", book=None, forming=(),
        now_ns=0,
    )  # fmt: skip


def test_an_old_leader_writes_nothing_over_the_cache():
    def store(price: float, epoch: int, exchange: str = "simulated") -> bool:
        return cache.store([quote_at(price)], [snapshot_of(epoch)], exchange=exchange, epoch=epoch)

    def stored() -> tuple[float, int]:
        return latest_quote("simulated", "BTC/USDT").bid, latest_snapshot("simulated", "BTC/USDT").epoch

    assert store(1.0, 1)
    assert stored() == (1.0, 1)
    assert store(2.0, 2)
    assert not store(3.0, 1)
    assert stored() == (2.0, 2)
    assert store(4.0, 2)
    assert stored() == (4.0, 2)
    # Another exchange counts its leaders by itself.
    assert store(5.0, 1, exchange="other")
