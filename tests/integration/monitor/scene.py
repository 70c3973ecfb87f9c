"""Alice's bot holds BTC bought at 100,000 with its stop at 98,000; the feed's cache says what BTC costs."""

import asyncio
import json
import os
import time
from decimal import Decimal
from typing import Any
from uuid import UUID

import redis

from bots.broadcast import user_stream
from bots.models import Bot, BotLease, Position
from bots.monitor.positions import Watch, monitor_positions
from bots.orders.connections import open_pool
from bots.orders.store import OrderStore
from bots.trading.records import LeaseToken
from bots.trading.vocabulary import OrderState, OrderType
from marketdata.cache import LatestQuote, LatestSnapshot, store
from marketdata.events import BookSnapshot
from tests.integration.orders.cast import TERMS, Cast, fill_of, report

D = Decimal
SECOND_NS = 1_000_000_000
HOLDER = "monitor:here:1"


class Scene:
    """What the monitor sees. `now_ns` begins at the machine's time, which leases are judged by."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.now_ns = time.time_ns()

    def hold(self, instrument: Any = None, *, bot: Bot | None = None, **changes: Any) -> Position:
        """Buy through the gate as an engine that then dies: no lease is left."""
        return Position.objects.get(
            pk=asyncio.run(self._hold(instrument or self.cast.btc, bot or self.cast.bot, changes))
        )

    async def _hold(self, instrument: Any, bot: Bot, changes: dict[str, Any]) -> int:
        pool = await open_pool(min_size=1, max_size=1)
        try:
            orders = OrderStore(pool, terms=TERMS)
            lease = await self.cast.lease(orders, bot, holder="engine-1")
            _, bought = await self.cast.enter(orders, lease, bot=bot, instrument=instrument, **changes)
            await orders.release([lease], "engine-1")
        finally:
            await pool.close()
        found: int = bought.position.position_id
        return found

    def rest(self, *fills: str, **changes: Any) -> UUID:
        """An entry that rests, filled in part by sizes, when its engine dies."""
        return asyncio.run(self._rest(fills, changes))

    async def _rest(self, fills: tuple[str, ...], changes: dict[str, Any]) -> UUID:
        pool = await open_pool(min_size=1, max_size=1)
        try:
            orders = OrderStore(pool, terms=TERMS)
            lease = await self.cast.lease(orders, holder="engine-1")
            order = await self.cast.submit(orders, self.cast.plan(order_type=OrderType.LIMIT, **changes), lease)
            state = OrderState.PARTIAL if fills else OrderState.OPEN
            done = (fill_of(order, number, D(size)) for number, size in enumerate(fills, 1))
            await orders.record(report(order, state, *done), lease)
            await orders.release([lease], "engine-1")
        finally:
            await pool.close()
        found: UUID = order.order_id
        return found

    def abandon_exit(self) -> None:
        """An engine commits an exit at the gate, and dies before it sends it."""
        asyncio.run(self._abandon_exit())

    async def _abandon_exit(self) -> None:
        pool = await open_pool(min_size=1, max_size=1)
        try:
            orders = OrderStore(pool, terms=TERMS)
            lease = await self.cast.lease(orders, holder="engine-1")
            state = await orders.load([self.cast.bot.pk], self.now_ns)
            await self.cast.submit(orders, self.cast.exit_plan(state.positions[0], D("0.00299")), lease)
            await orders.release([lease], "engine-1")
        finally:
            await pool.close()

    def lead(self, holder: str = "engine-2") -> LeaseToken:
        """Another engine takes the bot."""
        return asyncio.run(self._lead(holder))

    async def _lead(self, holder: str) -> LeaseToken:
        pool = await open_pool(min_size=1, max_size=1)
        try:
            return (await OrderStore(pool, terms=TERMS).acquire(holder))[0]
        finally:
            await pool.close()

    def price(
        self, bid: float, *, age_s: float = 0.0, state: str = "live", book: bool = True, size: float = 5.0
    ) -> None:
        """The feed caches a quote a tick wide, and a book of two levels."""
        ts = self.now_ns - int(age_s * SECOND_NS)
        ask = bid + 0.01
        quote = LatestQuote(
            exchange="simulated", symbol="BTC/USDT", bid=bid, bid_size=size, ask=ask, ask_size=size, last=bid,
            volume=None, quote_volume=None, change=None, volatility=None, state=state, source="websocket", reason="",
            ts_event=ts, ts_init=ts, now_ns=ts,
        )  # fmt: skip
        levels = BookSnapshot(
            exchange="simulated", symbol="BTC/USDT", bids=((bid, size), (bid - 10, 50.0)),
            asks=((ask, size), (ask + 10, 50.0)), update_id=1, ts_event=ts, ts_init=ts,
        )  # fmt: skip
        snapshot = LatestSnapshot(
            exchange="simulated", symbol="BTC/USDT", epoch=1, sequence=1, state=state, reason="",
            book=levels if book else None, forming=(), now_ns=ts,
        )  # fmt: skip
        assert store([quote], [snapshot], exchange="simulated", epoch=1)

    def watch(self, *, after_s: float = 0.0) -> Watch:
        self.now_ns += int(after_s * SECOND_NS)
        return monitor_positions(now_ns=self.now_ns, holder=HOLDER)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What Alice's browser got, of one kind."""
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as connection:
            events = [
                json.loads(fields[b"payload"]) for _, fields in connection.xrange(user_stream(self.cast.alice.pk))
            ]
        return [event["data"] for event in events if event["type"] == kind]

    def lease(self) -> BotLease:
        return BotLease.objects.get(pk=self.cast.bot.pk)
