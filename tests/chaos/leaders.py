"""Three feed processes and one exchange: the leader is killed, paused and replaced, and somebody always leads."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from asgiref.sync import sync_to_async

from marketdata.cache import latest_snapshot
from marketdata.models import Exchange, FeedLease
from marketdata.operations import follow
from tests.chaos.consumer import Consumer, consuming
from tests.chaos.outcome import Outcome
from tests.chaos.world import World, until, world
from tests.integration.marketdata.cast import add_venue
from tests.integration.system.commands import Command

SYMBOLS = ("BTC/USDT", "ETH/USDT")
TAKEOVER_S = 10.0
# How long to wait before it is a failure to say anything at all.
PATIENCE_S = 20.0
_START_S = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """Seconds to the successor's ticks; dropped batches of the old leader; how old an epoch was seen in the cache."""

    seconds: float
    dropped: int
    cache_behind: int


class Leaders:
    """The feed processes of one exchange, and who listens to them."""

    def __init__(self, there: World, consumer: Consumer, *, exchange: str = "simulated") -> None:
        self.world = there
        self.consumer = consumer
        self.exchange = exchange
        self.feeds: list[Command] = []

    async def start(self, count: int) -> None:
        """That many more processes; returns when one leads and all others stand by."""
        self.feeds += [self.world.feed() for _ in range(count)]
        await until(self._are_settled, timeout_s=_START_S, what="one feed leads, all others stand by")
        await self.accepted((await self.lease()).epoch)

    def _are_settled(self) -> bool:
        for feed in self.feeds:
            assert feed.process.poll() is None, feed.said[-3000:]
        leader = self._find_leader()
        return leader is not None and all("standing by" in feed.said for feed in self.feeds if feed is not leader)

    def _find_leader(self) -> Command | None:
        holder = FeedLease.objects.get_or_create(exchange_id=self._exchange_id())[0].holder
        return next((feed for feed in self.feeds if f":{feed.process.pid}:" in holder), None)

    def _exchange_id(self) -> int:
        return Exchange.objects.get(code=self.exchange).pk

    async def lease(self) -> FeedLease:
        return await sync_to_async(FeedLease.objects.get)(exchange__code=self.exchange)

    async def leader(self) -> Command:
        leader: Command = await until(self._find_leader, timeout_s=PATIENCE_S, what="somebody leads")
        return leader

    async def accepted(self, epoch: int) -> int:
        """Wait for ticks of this leader; gives when the first came."""
        first: int = await until(
            lambda: self.consumer.first_ns.get(epoch), timeout_s=PATIENCE_S, what=f"ticks of epoch {epoch}"
        )
        return first

    async def next_epoch(self, before: int) -> int:
        leases = FeedLease.objects.filter(exchange__code=self.exchange, epoch__gt=before).exclude(holder="")
        lease: FeedLease = await until(leases.first, timeout_s=PATIENCE_S, what=f"a leader after epoch {before}")
        return lease.epoch

    async def replaced(self, *, since_ns: int, before: int) -> tuple[int, float]:
        """Wait for the next leader's ticks; gives its epoch and how many seconds after `since_ns` they came."""
        epoch = await self.next_epoch(before)
        return epoch, (await self.accepted(epoch) - since_ns) / 1e9

    def forget(self, feed: Command) -> None:
        self.feeds.remove(feed)

    async def kill(self) -> float:
        """Kill the leader; gives the seconds until its successor's ticks were accepted."""
        leader, lease = await self.leader(), await self.lease()
        since_ns = time.time_ns()
        leader.kill()
        self.forget(leader)
        _, seconds = await self.replaced(since_ns=since_ns, before=lease.epoch)
        return seconds

    async def kill_elsewhere(self) -> tuple[float, int]:
        """The leader dies on another host, where nobody here can look: its lease has to end.

        Gives the seconds until its successor's ticks, and by how many ns they came after the end of its lease.
        """
        leader = await self.leader()
        # It must not renew, or notice, what is written over its lease.
        leader.process.send_signal(signal.SIGSTOP)
        lease = await self.lease()
        await sync_to_async(FeedLease.objects.filter(pk=lease.pk).update)(holder="elsewhere:1:00000000")
        since_ns = time.time_ns()
        leader.kill()
        self.forget(leader)
        epoch, seconds = await self.replaced(since_ns=since_ns, before=lease.epoch)
        assert lease.expires_at is not None
        return seconds, self.consumer.first_ns[epoch] - int(lease.expires_at.timestamp() * 1e9)

    async def stop(self) -> float:
        """The leader stops gently and gives its lease back."""
        leader, lease = await self.leader(), await self.lease()
        since_ns = time.time_ns()
        code = await asyncio.to_thread(leader.finish)
        assert code == 0, leader.said[-3000:]
        self.forget(leader)
        _, seconds = await self.replaced(since_ns=since_ns, before=lease.epoch)
        return seconds

    async def pause(self) -> Paused:
        """The leader sleeps past its lease, another leads, it wakes up and has to find out."""
        leader, lease = await self.leader(), await self.lease()
        since_ns = time.time_ns()
        leader.process.send_signal(signal.SIGSTOP)
        epoch, seconds = await self.replaced(since_ns=since_ns, before=lease.epoch)
        await until(lambda: self._cached_epochs() == [epoch] * len(SYMBOLS), timeout_s=PATIENCE_S, what="a new cache")
        dropped, said = self.consumer.reader.dropped, leader.said.count("another process leads")
        os.kill(leader.process.pid, signal.SIGCONT)
        oldest = epoch
        deadline_s = time.monotonic() + PATIENCE_S
        while leader.said.count("another process leads") < said + 1:
            assert time.monotonic() < deadline_s, f"the old leader does not stand by: {leader.said[-3000:]}"
            oldest = min([oldest, *await sync_to_async(self._cached_epochs)()])
            await asyncio.sleep(0.01)
        # Its last words, that its symbols are disconnected, come before it says so, and are on their way.
        await until(
            lambda: self.consumer.reader.dropped > dropped, timeout_s=PATIENCE_S, what="old batches are dropped"
        )
        oldest = min([oldest, *await sync_to_async(self._cached_epochs)()])
        return Paused(seconds=seconds, dropped=self.consumer.reader.dropped - dropped, cache_behind=epoch - oldest)

    def _cached_epochs(self) -> list[int]:
        found = [latest_snapshot(self.exchange, symbol) for symbol in SYMBOLS]
        return [snapshot.epoch for snapshot in found if snapshot is not None]


@asynccontextmanager
async def leading(count: int, *, seed: int = 1) -> AsyncIterator[Leaders]:
    """So many feeds of one exchange, settled."""
    async with world(SYMBOLS, seed=seed) as there:
        await sync_to_async(add_venue)(there.market)
        for symbol in SYMBOLS:
            await sync_to_async(follow)(exchange="simulated", symbol=symbol, follower="bot:1")
        async with consuming(SYMBOLS, redis_url=there.redis_url) as consumer:
            leaders = Leaders(there, consumer)
            await leaders.start(count)
            yield leaders


async def run(seed: int, seconds: float) -> Outcome:
    """Let chance kill, pause and stop leaders for so long."""
    rng, outcome = random.Random(seed), Outcome(scenario="leaders", seed=seed)
    ends_s = time.monotonic() + seconds
    async with leading(3, seed=seed) as leaders:
        while not outcome.counts or time.monotonic() < ends_s:
            what = rng.choice(("kill", "kill_elsewhere", "pause", "stop"))
            outcome.counts[what] += 1
            if what == "pause":
                paused = await leaders.pause()
                took_s = paused.seconds
                outcome.expect(paused.dropped > 0, "the old leader's batches were not dropped")
                outcome.expect(paused.cache_behind == 0, "the old leader wrote over the cache of the new one")
            elif what == "kill_elsewhere":
                took_s, after_lease_ns = await leaders.kill_elsewhere()
                outcome.expect(after_lease_ns > 0, "a lease was taken before its end")
            else:
                took_s = await (leaders.kill() if what == "kill" else leaders.stop())
            outcome.slowest(f"{what}_s", took_s)
            outcome.expect(took_s <= TAKEOVER_S, f"{what}: the next leader's ticks came after {took_s:.1f} s")
            if len(leaders.feeds) < 3:
                await leaders.start(3 - len(leaders.feeds))
            await asyncio.sleep(rng.uniform(0, 1))
        outcome.expect(leaders.consumer.outdated == 0, "a batch of an older leader was accepted")
        outcome.counts["epochs"] = len(leaders.consumer.first_ns)
        outcome.problems += leaders.world.exceptions()
    return outcome
