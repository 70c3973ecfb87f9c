"""One account at a real venue, in an engine: its connection, its clock, its stream, its orders, its reconciliation.

The tick path only puts things here: everything that waits for the network runs in tasks.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

import psycopg
import structlog

from bots.brokers.venue import Venue, VenueUnavailable
from bots.engine.books import BotBooks
from bots.engine.venue_link import VenueLink
from bots.engine.venue_notices import VenueNotices
from bots.engine.venue_orders import Post, VenueOrders
from bots.orders.load import AccountConfig
from bots.orders.store import OrderStore
from bots.orders.venue.books import key_set_at, load_facts, save_reconciled
from bots.orders.venue.reconcile import SETTLE_MS, Reconciled, Reconciler
from bots.trading.risk import clock_reasons

log = structlog.get_logger(__name__)

Connect = Callable[[AccountConfig], Awaitable[Venue]]

TEND_S = 0.1
CLOCK_S = 20.0
RECONCILE_S = 60.0
RECONCILE_LIMIT_S = 200.0
RETRY_S = 2.0
RETRY_LIMIT_S = 60.0
# In the time of one, where the stream tells of what nobody knows.
PASSES_AT_MOST = 12
# Then the account is connected with anew: its keys may be others by now.
FAILURES_AT_MOST = 10


class _Disconnected(Exception):
    """The venue has not been readable for long, or the account has another key."""


class VenueDesk:
    """Runs until closed. `trouble` says why no entry may be sent now; empty while all is well."""

    def __init__(
        self,
        account: AccountConfig,
        *,
        connect: Connect,
        store: OrderStore,
        bots: dict[int, BotBooks],
        post: Post,
        notices: VenueNotices,
        reconcile_s: float = RECONCILE_S,
        settle_ms: int = SETTLE_MS,
    ) -> None:
        self.account = account
        self._connect = connect
        self._store = store
        self._notices = notices
        self._reconcile_s = reconcile_s
        self._settle_ms = settle_ms
        self._link = VenueLink()
        self._reconcile_now = asyncio.Event()
        self._reconciler: Reconciler | None = None
        self._reconciled_s: float | None = None
        self._problem = "the account has not been reconciled with its venue yet"
        self._failures = 0
        self._key_set_at: datetime | None = None
        self._synced_ms: int | None = None
        # Since when the stream has been unbroken as of the last pass that read all trades.
        self._read_since_ms: int | None = None
        self.orders = VenueOrders(
            account.account_id,
            self._link,
            store=store,
            bots=bots,
            post=post,
            notices=notices,
            reconcile=self._reconcile_now.set,
        )

    def time_ns(self) -> int | None:
        """The venue's clock; None while it is not known well enough to sign with."""
        return self._link.time_ns()

    @property
    def trouble(self) -> str:
        if self._problem:
            return self._problem
        if self._link.venue is None or self._reconciled_s is None:
            return "the venue is not connected"
        if self.time_ns() is None:
            return "the venue's clock is not known"
        for reason in clock_reasons(self._link.clock_error_ms, controls=self._store.controls):
            return reason.text
        if self._link.venue.synced_since_ms is None:
            return "the account's private stream is not connected"
        if time.monotonic() - self._reconciled_s > RECONCILE_LIMIT_S:
            return "the account was not reconciled for minutes"
        return ""

    async def run(self) -> None:
        """Connect and look after the account until cancelled."""
        delay_s = RETRY_S
        while True:
            try:
                self._key_set_at = await key_set_at(self._store.pool, self.account.account_id)
                venue = await self._connect(self.account)
            except Exception as error:
                # Keys that cannot be opened, an exchange that refuses them, no network: all say the same here.
                log.exception("venue.connect.failed", account=self.account.account_id)
                await self._note_problem(f"the venue cannot be used: {error}")
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, RETRY_LIMIT_S)
                continue
            delay_s = RETRY_S
            try:
                await self._look_after(venue)
            except _Disconnected as error:
                log.warning("venue.connecting.anew", account=self.account.account_id, reason=str(error))
            finally:
                self._link.venue = None
                await venue.close()

    async def close(self) -> None:
        await self.orders.close()

    async def _look_after(self, venue: Venue) -> None:
        self._link.venue, self._failures = venue, 0
        self._reconciler = Reconciler(
            self._store.pool, venue, self.account.account_id, settle_ms=self._settle_ms, awaiting=self.orders.awaiting
        )
        loops = {
            "clock": self._keep_clock,
            "stream": self._keep_listening,
            "orders": self._keep_tending,
            "reconciliation": self._keep_reconciling,
        }
        tasks = [
            asyncio.create_task(self._forever(name, work, venue), name=f"venue {name}") for name, work in loops.items()
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _forever(self, name: str, work: Callable[[Venue], Awaitable[None]], venue: Venue) -> None:
        while True:
            try:
                await work(venue)
            except _Disconnected:
                raise
            except (VenueUnavailable, psycopg.Error) as error:
                log.warning("venue.loop.waits", loop=name, account=self.account.account_id, error=str(error))
                if name == "reconciliation" and isinstance(error, VenueUnavailable):
                    await self._unread(error)
            except Exception:
                log.exception("venue.loop.failed", loop=name, account=self.account.account_id)
            await asyncio.sleep(RETRY_S)

    async def _unread(self, error: Exception) -> None:
        await self._note_problem(f"the venue cannot be read: {error}")
        self._failures += 1
        if self._failures >= FAILURES_AT_MOST:
            raise _Disconnected(str(error))

    async def _note_problem(self, problem: str) -> None:
        self._problem = problem
        try:
            await load_facts(self._store.pool, self.account.account_id)
            await save_reconciled(self._store.pool, self.account.account_id, problem=problem, complete=False)
        except psycopg.Error as error:
            log.warning("venue.problem.unsaved", account=self.account.account_id, error=str(error))

    async def _keep_clock(self, venue: Venue) -> None:
        while True:
            await self._link.measure(venue)
            self._notices.clock(self._link.clock_error_ms, self._store.controls)
            await asyncio.sleep(CLOCK_S)

    async def _keep_listening(self, venue: Venue) -> None:
        await venue.listen(self.orders.hear)

    async def _keep_tending(self, venue: Venue) -> None:
        orders = self.orders
        while True:
            if venue.synced_since_ms is not None and venue.synced_since_ms != self._synced_ms:
                # A stream that was broken may have missed anything.
                self._reconcile_now.set()
            self._synced_ms = venue.synced_since_ms
            orders.tend(venue)
            orders.wake.clear()
            try:
                async with asyncio.timeout(TEND_S):
                    await orders.wake.wait()
            except TimeoutError:
                continue

    async def _keep_reconciling(self, venue: Venue) -> None:
        while True:
            await self.reconcile()
            try:
                async with asyncio.timeout(RETRY_S if self._reconciled_s is None else self._reconcile_s):
                    await self._reconcile_now.wait()
            except TimeoutError:
                continue
            # What is told in a burst is looked at once: a pass costs much of the venue's budget.
            await asyncio.sleep(self._reconcile_s / PASSES_AT_MOST)

    async def reconcile(self) -> Reconciled | None:
        """One pass over the whole account; None before it is connected. Raises VenueUnavailable, psycopg.Error."""
        self._reconcile_now.clear()
        venue, reconciler = self._link.venue, self._reconciler
        if venue is None or reconciler is None:
            return None
        if await key_set_at(self._store.pool, self.account.account_id) != self._key_set_at:
            raise _Disconnected("the account has another API key")
        synced_ms = venue.synced_since_ms
        found = await reconciler.run(full=synced_ms is None or synced_ms != self._read_since_ms)
        self._read_since_ms, self._failures, self._problem = synced_ms, 0, found.problem
        if not found.opened:
            return found
        self._reconciled_s = time.monotonic()
        for news in found.news:
            await self.orders.take_news(news)
        for owned in found.missing:
            self.orders.look_for(owned)
        for owned in found.live:
            await self.orders.follow_live(owned)
        await self._notices.reconciled(found)
        return found
