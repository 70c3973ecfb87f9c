"""One budget for all processes, in a real Redis: who asks, what is reserved, whom a Retry-After stops."""

import asyncio
import os
import sys
import textwrap
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bots.brokers.budget import LocalBudget, SharedBudget
from bots.brokers.ccxt.connect import connect
from bots.brokers.ccxt.dialects import BINANCE
from bots.brokers.limits import Counts, Limit, Priority, Scope
from bots.brokers.venue import Outcome, VenueUnavailable
from tests.integration.brokers.cast import Alice

ROOT = Path(__file__).resolve().parents[3]
WEIGHT = Limit(name="weight", window_s=60, capacity=100)
ORDERS = Limit(name="orders", window_s=10, capacity=10, scope=Scope.ACCOUNT, counts=Counts.ORDERS)

Maker = Callable[..., SharedBudget]


@pytest.fixture
async def redis() -> AsyncIterator["Redis"]:
    client = Redis.from_url(os.environ["REDIS_URL"])
    yield client
    await client.aclose()


@pytest.fixture
def budget(redis: "Redis") -> Maker:
    """A process's view of one venue's limits; `account` is another one's."""
    venue = uuid.uuid4().hex

    def make(account: str = "alice", limits: tuple[Limit, ...] = (WEIGHT, ORDERS)) -> SharedBudget:
        return SharedBudget(redis, limits, venue=venue, account=account)

    return make


async def granted(budget: SharedBudget, priority: Priority, *, cost: float = 10, orders: int = 0) -> int:
    """How many requests are granted before the first that is not."""
    count = 0
    while await budget.take(cost, priority, orders=orders) == 0:
        count += 1
    return count


async def test_each_priority_leaves_the_rest_to_the_next(budget: Maker) -> None:
    one = budget()
    assert await granted(one, Priority.QUESTION) == 6
    assert await granted(one, Priority.ORDER) == 2
    assert await granted(one, Priority.EXIT) == 1
    assert await granted(one, Priority.CANCEL) == 1


async def test_processes_and_accounts_share_the_venues_limit(budget: Maker) -> None:
    alice, bob = budget("alice"), budget("bob")
    assert await granted(alice, Priority.ORDER, cost=5) == 16
    assert await granted(bob, Priority.ORDER, cost=5) == 0
    assert await granted(bob, Priority.CANCEL, cost=5) == 4


async def test_orders_are_counted_by_account(budget: Maker) -> None:
    alice, bob = budget("alice"), budget("bob")
    assert await granted(alice, Priority.ORDER, cost=1, orders=1) == 8
    assert await granted(bob, Priority.ORDER, cost=1, orders=1) == 8
    assert await granted(alice, Priority.CANCEL, cost=1) > 0


async def test_what_is_refused_says_how_long_and_counts_nothing(budget: Maker) -> None:
    one = budget()
    assert await one.take(100, Priority.CANCEL) == 0
    for _ in range(5):
        assert 0 < await one.take(1, Priority.CANCEL) <= 61


async def test_a_window_that_is_over_is_free_again(budget: Maker) -> None:
    one = budget(limits=(Limit(name="weight", window_s=1, capacity=10),))
    assert await one.take(10, Priority.CANCEL) == 0
    wait_s = await one.take(10, Priority.CANCEL)
    assert 0 < wait_s <= 3
    async with asyncio.timeout(60):
        while (wait_s := await one.take(10, Priority.CANCEL)) > 0:  # noqa: ASYNC110 - it says how long
            await asyncio.sleep(wait_s)


async def test_a_retry_after_stops_everyone_and_cancels_too(budget: Maker) -> None:
    alice, bob = budget("alice"), budget("bob")
    await alice.block(30)
    for one in (alice, bob):
        assert 29 < await one.take(1, Priority.CANCEL) <= 30


async def test_an_accounts_own_retry_after_leaves_others_alone(budget: Maker) -> None:
    alice, bob = budget("alice"), budget("bob")
    await alice.block(30, Scope.ACCOUNT)
    assert await alice.take(1, Priority.CANCEL) > 29
    assert await bob.take(1, Priority.CANCEL) == 0


async def test_a_longer_block_is_not_shortened(budget: Maker) -> None:
    one = budget()
    await one.block(100)
    await one.block(1)
    assert await budget("bob").take(1, Priority.CANCEL) > 90


async def test_the_venues_own_count_is_believed_when_it_is_higher(budget: Maker) -> None:
    alice, bob = budget("alice"), budget("bob")
    await alice.take(10, Priority.QUESTION)
    await alice.raise_to("weight", 75)
    await alice.raise_to("weight", 20)
    assert await granted(bob, Priority.ORDER, cost=5) == 1


async def test_other_processes_are_counted(budget: Maker, redis: "Redis") -> None:
    one = budget()
    program = textwrap.dedent(
        f"""
        import asyncio
        from redis.asyncio import Redis
        from bots.brokers.budget import LocalBudget, SharedBudget
        from bots.brokers.limits import Limit, Priority

        async def main():
            redis = Redis.from_url({os.environ["REDIS_URL"]!r})
            budget = SharedBudget(
                redis, (Limit(name="weight", window_s=60, capacity=100),), venue={one._prefixes[Scope.VENUE][5:]!r},
                account="carol",
            )
            count = 0
            while await budget.take(1, Priority.ORDER) == 0:
                count += 1
            print(count)
            await redis.aclose()

        asyncio.run(main())
        """
    )
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        for _ in range(3)
    ]
    async with asyncio.timeout(60):
        counts = [int((await process.communicate())[0]) for process in processes]
    assert sum(counts) == 80


async def test_without_redis_a_process_has_a_tenth(unused_tcp_port: int) -> None:
    away = Redis.from_url(f"redis://127.0.0.1:{unused_tcp_port}/0", socket_connect_timeout=1)
    one = SharedBudget(away, (WEIGHT, ORDERS), venue="nowhere", account="alice")
    assert await granted(one, Priority.CANCEL, cost=1) == 10
    await one.block(30)
    assert await one.take(1, Priority.CANCEL) > 29
    await away.aclose()


async def test_two_connections_stay_below_what_the_venue_allows(alice: Alice, redis: "Redis") -> None:
    """A limit far below the venue's, so that the test is short: what is spent at the venue stays under it."""
    limits = (Limit(name="weight", window_s=60, capacity=40), ORDERS)
    first, second = [await connect(alice.account(limits=limits)) for _ in range(2)]
    try:
        orders = [await alice.order(venue, window_ms=60_000) for venue in (first, second) * 6]
        answers = [await venue.place(order) for venue, order in zip((first, second) * 6, orders, strict=True)]
        outcomes = [answer.outcome for answer in answers]
        # Ten an account in ten seconds, of which two are kept for cancels.
        assert outcomes.count(Outcome.FOUND) == 8
        assert outcomes.count(Outcome.NOT_SENT) == 4
        assert len(alice.truth()["orders"]) == 8
    finally:
        await asyncio.gather(first.close(), second.close())


async def test_what_others_spent_at_the_venue_is_counted(alice: Alice) -> None:
    """Sixty in a hundred of a minute's weight are gone before we come: questions wait, as at their own limit."""
    for _ in range(15):
        alice.http.get("/api/v3/depth", params={"symbol": "BTCUSDT", "limit": 5000}).raise_for_status()
    budget = LocalBudget(BINANCE.limits, share=1.0)
    with pytest.raises(VenueUnavailable, match="rate budget"):
        await connect(alice.account(), budget=budget)
    assert await budget.take(1, Priority.QUESTION) > 0
    assert await budget.take(1, Priority.ORDER, orders=1) == 0
