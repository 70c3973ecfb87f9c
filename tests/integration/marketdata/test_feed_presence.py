"""Who leads, who stands by, and what is done beside the venues."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from redis.exceptions import RedisError

from marketdata.feed import surroundings
from marketdata.feed.metrics import exposition, registry_of
from marketdata.feed.presence import atell_presence, host_and_pid, read_presence, tell_presence
from marketdata.models import FeedLease
from tests.integration.marketdata.cast import afollow, eventually, running_feed
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)
BTC = "BTC/USDT"


async def test_a_leader_and_who_stands_by_are_known_to_everybody(venue):
    await afollow(exchange="simulated", symbol=BTC, follower="bot:1")
    async with running_feed() as leader:
        await eventually(lambda: leader.is_leading and leader.feed is not None and leader.feed.followed)
        await atell_presence([leader], health="127.0.0.1:9101")
        assert 'feed_messages_total{exchange="simulated"' in exposition(registry_of(lambda: [leader])).decode()
    await FeedLease.objects.aupdate(holder="elsewhere:7:ab", expires_at=timezone.now() + timedelta(minutes=1))
    async with running_feed() as standby:
        await eventually(lambda: standby.is_standby)
        await atell_presence([standby])
        known = (await sync_to_async(read_presence)(["simulated", "kraken"]))["simulated"]
        assert (known.leader.holder, known.leader.health) == (leader.holder, "127.0.0.1:9101")
        assert known.leader.clock_offset_ms is not None
        assert known.standbys == (host_and_pid(standby.holder),)
        # Who stands by tells of no symbol.
        assert "feed_messages_total{" not in exposition(registry_of(lambda: [standby])).decode()
    await FeedLease.objects.aupdate(holder="", expires_at=None)
    async with running_feed() as successor:
        await eventually(lambda: successor.is_leading)
        await atell_presence([successor])
        known = (await sync_to_async(read_presence)(["simulated"]))["simulated"]
        assert (known.leader.holder, known.standbys) == (successor.holder, ())


@pytest.mark.usefixtures("redis_flush")
def test_of_what_nobody_told_nothing_is_known():
    known = read_presence(["kraken"])["kraken"]
    assert (known.leader, known.standbys) == (None, ())


@pytest.mark.usefixtures("venue")
async def test_redis_that_is_away_is_no_reason_to_stop(settings):
    async with running_feed() as leader:
        await eventually(lambda: leader.feed is not None)
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
        with pytest.raises(RedisError):
            await sync_to_async(tell_presence)([leader])


async def test_slow_sources_that_crash_are_begun_again_and_take_nothing_with_them(monkeypatch):
    runs: list[int] = []
    again = asyncio.Event()

    async def crash() -> None:
        runs.append(len(runs))
        if len(runs) == 3:
            again.set()
            await asyncio.Event().wait()
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(surroundings, "run_slow_sources", crash)
    monkeypatch.setattr(surroundings, "_FIRST_RESTART_S", 0.0)
    task = asyncio.create_task(surroundings.keep_slow_sources())
    async with asyncio.timeout(PATIENCE_S):
        await again.wait()
    assert not task.done()
    task.cancel()
    await asyncio.wait({task})
    assert (runs, task.cancelled()) == ([0, 1, 2], True)
