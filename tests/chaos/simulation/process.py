"""What an engine is to a bot's orders: desk, execution and the venue's desk, on a pool and a venue that may end."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg

from bots.engine.books import AccountBooks, BotBooks, Held, Working
from bots.engine.decision_log import DecisionLog
from bots.engine.desk import Desk
from bots.engine.execution import Execution
from bots.engine.signal_writer import SignalWriter
from bots.engine.venue_desk import VenueDesk
from bots.engine.venues import Venues
from bots.orders.leases import LeaseTerms
from bots.orders.load import AccountConfig, EngineState
from bots.orders.results import Recovery
from bots.orders.store import OrderStore
from bots.trading.records import InstrumentRules
from tests.chaos.simulation.database import Database, FatefulPool
from tests.chaos.simulation.exchange import Door, Exchange
from tests.chaos.simulation.fate import Fate

# By the database's clock, which is the only real one here: no lease may end by the machine's slowness.
TERMS = LeaseTerms(ttl_s=3_000, renew_s=600)


class Process:
    """One engine with one bot, from taking its lease to its end."""

    def __init__(
        self,
        database: Database,
        fate: Fate,
        *,
        holder: str,
        bot_id: int,
        exchange: Exchange | None,
        now: Callable[[], int],
    ) -> None:
        self.fate = fate
        self.holder = holder
        self._bot_id = bot_id
        self._exchange = exchange
        self._now = now
        self._pool: Any = FatefulPool(database, fate)
        self.store = OrderStore(self._pool, terms=TERMS)
        self._tasks: list[asyncio.Task[Any]] = []

    async def begin(self) -> None:
        """Take the bot as an engine does. Raises Died."""
        engine = self.engine = Desk(
            store=self.store, decisions=DecisionLog(self.store), signals=SignalWriter(self._pool)
        )
        self._reports: asyncio.Queue[Any] = asyncio.Queue()
        engine.venues = Venues(
            engine, connect=self._connect, post=self._post, pause_on_external=False, reconcile_s=60.0, settle_ms=90_000
        )
        self.execution = Execution(engine, on_change=lambda bot: None)
        (self.token,) = await self.store.acquire(self.holder, bot_ids=[self._bot_id])
        if self._exchange is not None:
            self._exchange.epoch = self.token.epoch
        recovery = await self.store.recover([self.token])
        state = await self.store.load([self._bot_id], self._now())
        config = state.bots[self._bot_id]
        account = AccountBooks(config=config.account)
        self.bot = BotBooks(config=config, token=self.token, account=account)
        engine.bots[self._bot_id] = account.bots[self._bot_id] = self.bot
        engine.venues.begin(config.account)
        self._take(state, recovery)
        self._tasks.append(asyncio.ensure_future(self._pump()))

    def _take(self, state: EngineState, recovery: Recovery) -> None:
        self.rules: dict[int, InstrumentRules] = {found.instrument_id: found for found in self.bot.config.instruments}
        self.bot.positions = {
            position.instrument_id: Held(
                position=position, rules=self.rules[position.instrument_id], mark=position.entry_price
            )
            for position in state.positions
        }
        self.bot.orders = {order.order_id: Working.of_row(order) for order in state.orders}
        for found in recovery.at_venues:
            self.execution.follow(self.bot, found.order.plan.rules, [found])
        for resting in recovery.resting:
            self.execution.resume(self.bot, resting.order.plan.rules, [resting])

    async def settle(self) -> None:
        """After an outage: what the database has is looked up, as the engine does when it is back."""
        self.engine.database_is_back()
        try:
            await self.execution.record_waiting()
            if not self.bot.suspended or self.execution.has_unrecorded or self.bot.lost:
                return
            self.execution.forget(self._bot_id)
            recovery = await self.store.recover([self.token])
            state = await self.store.load([self._bot_id], self._now())
            self.bot.config = state.bots[self._bot_id]
            self._take(state, recovery)
            self.bot.suspended = ""
        except psycopg.Error as error:
            self.engine.database_failed(error)

    @property
    def desk(self) -> VenueDesk | None:
        assert self.engine.venues is not None
        return self.engine.venues.of(self.bot.account.config)

    async def end(self) -> None:
        """As if it had never been: nothing of it goes on."""
        self.fate.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if hasattr(self, "engine") and self.engine.venues is not None:
            await self.engine.venues.close()

    async def _connect(self, account: AccountConfig) -> Any:
        assert self._exchange is not None
        return Door(self._exchange, self.fate)

    def _post(self, bot: BotBooks, rules: Any, report: Any) -> bool:
        self._reports.put_nowait((bot, rules, report))
        return True

    async def _pump(self) -> None:
        """The symbols' workers, as far as orders go."""
        while True:
            await self.execution.hear(*await self._reports.get())
