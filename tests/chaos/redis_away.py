"""Redis is stopped for a while under everybody: feed, engine and browser. Nothing trades meanwhile, all of it comes back."""

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async

from bots.models import Decision, Fill, Order
from bots.orders.checks import broken_invariants
from marketdata.models import FeedEvent, FeedStatus
from tests.chaos.browsers import start_web
from tests.chaos.consumer import consuming
from tests.chaos.outcome import Outcome
from tests.chaos.world import until, world
from tests.integration.system.people import EVERY_FIVE_SECONDS, EVERY_TICK, Trader, make_trader
from tests.integration.web.sockets import browser, sign_in
from tradingsite.servers import EmbeddedServers
from tradingsite.servers.binaries import find_binaries

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
RATE = 50
LONGEST_OUTAGE_S = 30.0
TIGHT: dict[str, Any] = {"stop_loss": Decimal("0.0001"), "take_profit": Decimal("0.0001")}
# What was heard just before may still be decided and sent; after this, it is stale.
_FRESH_S = 3.0
_PATIENCE_S = 60.0


@contextmanager
def redis_of_its_own() -> Iterator[EmbeddedServers]:
    with tempfile.TemporaryDirectory(prefix="chaos-redis-") as folder:
        servers = EmbeddedServers(local_dir=Path(folder), durable=False, postgres=False)
        servers.start()
        try:
            yield servers
        finally:
            servers.stop()


@contextmanager
def gone(servers: EmbeddedServers) -> Iterator[None]:
    """No Redis inside; afterwards one with nothing in it."""
    servers.valkey.stop()
    try:
        yield
    finally:
        servers.valkey.start(find_binaries(servers.account, servers.folder))


def fills_since(when: datetime, **fields: Any) -> int:
    return Fill.objects.filter(order__created_at__gt=when, **fields).count()


async def run(seed: int, seconds: float) -> Outcome:
    """One outage of a quarter of the time, thirty seconds at most, while three bots trade as often as they may."""
    rng, outcome = random.Random(seed), Outcome(scenario="redis_away", seed=seed)
    outage_s = min(LONGEST_OUTAGE_S, seconds / 4) * rng.uniform(0.8, 1)
    with redis_of_its_own() as servers:
        async with world(SYMBOLS, rate=RATE, redis_url=servers.redis_url, seed=seed) as there:
            alice: Trader = await sync_to_async(make_trader)()
            cookie = await sync_to_async(sign_in)(alice.user)
            feed, engine = there.feed(), there.start("manage.py", "runbots", "--json")
            _, port = await start_web(there)
            await sync_to_async(alice.start)("Every tick", list(SYMBOLS), **EVERY_TICK | TIGHT)
            await sync_to_async(alice.start)("Every five seconds", list(SYMBOLS), **EVERY_FIVE_SECONDS | TIGHT)
            began = datetime.now(UTC)
            await until(lambda: fills_since(began) > 2, timeout_s=_PATIENCE_S, what="bots trade before the outage")
            async with (
                consuming(SYMBOLS, redis_url=there.redis_url) as consumer,
                browser(port, f"/ws/trading/{alice.user.pk}", cookie) as screen,
            ):
                await screen.say(action="subscribe", channels=[f"prices:simulated:{SYMBOLS[0]}"])
                await screen.hear("price_update")
                await until(lambda: len(consumer.books) == len(SYMBOLS), timeout_s=_PATIENCE_S, what="all have a book")
                left = datetime.now(UTC)
                with gone(servers):
                    await screen.hear("error", code="interrupted")
                    await asyncio.sleep(max(0.0, outage_s - (datetime.now(UTC) - left).total_seconds()))
                    stale_at, back = left + timedelta(seconds=_FRESH_S), datetime.now(UTC)
                    away = await FeedEvent.objects.filter(kind="redis_away", at__gte=left).acount()
                outage_s = (back - left).total_seconds()
                outcome.expect(away == 1, f"the feed told {away} times that Redis is away")
                blind = Order.objects.filter(created_at__gt=stale_at, created_at__lt=back)
                approved = Decision.objects.filter(verdict="approved", created_at__gt=stale_at, created_at__lt=back)
                outcome.counts["orders in the outage"] = await blind.acount()
                outcome.counts["decisions to trade in the outage"] = await approved.acount()
                outcome.expect(outcome.counts["orders in the outage"] == 0, "orders were made on stale ticks")
                outcome.expect(outcome.counts["decisions to trade in the outage"] == 0, "stale ticks were decided on")

                await screen.hear("snapshot")
                await screen.hear("price_update")
                outcome.slowest("browser back s", (datetime.now(UTC) - back).total_seconds())
                back_ns = int(back.timestamp() * 1e9)
                await until(
                    lambda: consumer.last_ns > back_ns and not consumer.is_stale
                    and all(book.ts_init > back_ns for book in consumer.books.values()),
                    timeout_s=_PATIENCE_S, what="consumers are current again",
                )  # fmt: skip
                outcome.slowest("ticks back s", (time.time_ns() - back_ns) / 1e9)
                outcome.counts["batches missed"] = consumer.reader.missed
                outcome.expect(consumer.reader.missed > 0, "the outage was no hole in the sequence")
                await until(
                    lambda: FeedStatus.objects.filter(state="live").count() == len(SYMBOLS)
                    and FeedEvent.objects.filter(kind="redis_back", at__gte=left).count() == 1,
                    timeout_s=_PATIENCE_S, what="the feed says that all is live and Redis is back",
                )  # fmt: skip
                # The old bots may have spent their entries of this minute.
                bot = await sync_to_async(alice.start)("After", list(SYMBOLS), **EVERY_TICK | TIGHT)
                await until(
                    lambda: fills_since(back, order__bot=bot) > 2,
                    timeout_s=_PATIENCE_S,
                    what="bots trade after the outage",
                )
                outcome.slowest("trading back s", (datetime.now(UTC) - back).total_seconds())
            outcome.figures["outage s"] = round(outage_s, 1)
            for command in (engine, feed):
                outcome.expect(await asyncio.to_thread(command.finish) == 0, f"{command.said[-2000:]}")
            with contextlib.suppress(IndexError):
                done = engine.events("stopped")[-1]
                outcome.expect(done["database_error"] == "", f"the engine lost its database: {done}")
            broken = await sync_to_async(broken_invariants)()
            outcome.expect(not broken, f"the ledger is broken: {broken}")
            open_ends = await Order.objects.filter(state__in=("sending", "unknown")).acount()
            outcome.expect(open_ends == 0, f"{open_ends} orders without an answer")
            outcome.counts["orders"], outcome.counts["fills"] = (
                await Order.objects.acount(),
                await Fill.objects.acount(),
            )
            outcome.problems += there.exceptions()
    return outcome
