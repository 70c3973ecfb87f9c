"""The engine: leases, ticks, bots, housekeeping; each in a loop of its own that outlives its failures."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from django.conf import settings
from psycopg import AsyncConnection

from bots.broadcast import Broadcaster
from bots.engine.advisers import Advisers
from bots.engine.books import BotBooks
from bots.engine.connecting import connect_account
from bots.engine.decision_log import DecisionLog
from bots.engine.desk import Desk
from bots.engine.edges import Edges
from bots.engine.garches import Garches
from bots.engine.housekeeping import check_bots, tell_positions, warn_unprotected
from bots.engine.inbox import Intake
from bots.engine.microprices import Microprices
from bots.engine.observations import Observations
from bots.engine.roster import Roster
from bots.engine.runner import SymbolRunner
from bots.engine.sampling import Sampling
from bots.engine.signal_writer import SignalWriter
from bots.engine.standing import Standing
from bots.engine.venue_desk import Connect
from bots.engine.venues import Venues
from bots.orders.connections import Pool, connection_parameters
from bots.orders.leases import LeaseTerms
from bots.orders.marks import Mark
from bots.orders.store import OrderStore
from bots.trading.records import InstrumentRules, VenueReport
from marketdata.events import Bar
from quant.evidence.samples import SampleWriter
from quant.learning.features import SCHEMA_HASH, market_features
from quant.remote.configured import quant_client, remote_voters

log = structlog.get_logger(__name__)

CHANNEL = "bots_changed"
SYNC_S = 1.0
WRITE_S = 0.5
ACCOUNTS_S = 5.0
RETRY_S = 1.0
CLOSE_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReport:
    """What an engine has done so far."""

    bots: int
    symbols: int
    events: int
    batches: int
    missed: int
    overflow: int
    signals: int
    decisions: int
    dropped: int
    database_error: str


class Engine:
    """Runs until cancelled. `holder` names it in leases; `connect` reaches accounts at real venues."""

    def __init__(
        self, pool: Pool, *, holder: str, terms: LeaseTerms, layer: Any = None, connect: Connect = connect_account
    ) -> None:
        self.store = OrderStore(pool, terms=terms)
        self.broadcaster = Broadcaster()
        self.desk = Desk(
            store=self.store,
            decisions=DecisionLog(self.store),
            signals=SignalWriter(pool),
            traditional_weight=settings.TRADITIONAL_SIGNAL_WEIGHT,
            quant_weight=settings.QUANT_SIGNAL_WEIGHT,
            say=self.broadcaster.put,
        )
        self.venues = Venues(self.desk, connect=connect, post=self._post, pause_on_external=settings.PAUSE_ON_EXTERNAL)
        self.desk.venues = self.venues
        self.intake = Intake(layer)
        self.observations = Observations(layer)
        self.roster = Roster(self.desk, self.intake, self.observations, holder=holder)
        self.advisers = Advisers(quant=quant_client(), voters=remote_voters())
        self.sampling = Sampling(SampleWriter(pool, market=market_features, schema_hash=SCHEMA_HASH))
        self.roster.on_bar, self.roster.on_gone = self._on_bar, self.advisers.forget
        self.microprices = Microprices(self.roster.runners)
        self.garches = Garches(self.roster.runners)
        self.edges = Edges(self.desk)
        self.standing = Standing(self.roster.runners, self.broadcaster)
        self.holder = holder
        self._terms = terms
        self._nudged = asyncio.Event()

    async def run(self) -> None:
        """Look after bots until cancelled, then flush what waits and give the leases back."""
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "ticks": self.intake.membership.receive,
            "groups": self.intake.membership.keep_groups,
            "observations": self.observations.membership.receive,
            "observation groups": self.observations.membership.keep_groups,
            "past observations": self.observations.keep_loading,
            "events": self.broadcaster.run,
            "leases": self._keep_leases,
            "bots": self._keep_bots,
            "seconds": self._keep_seconds,
            "writes": self._keep_writing,
            "models": self.advisers.keep_models,
            "standing": self.standing.run,
            "microprices": self.microprices.run,
            "garches": self.garches.run,
            "edges": self.edges.run,
            "notices": self._listen,
        }
        tasks = [asyncio.create_task(self._forever(name, work), name=name) for name, work in loops.items()]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            try:
                async with asyncio.timeout(CLOSE_S):
                    await self._close()
            except TimeoutError:
                log.error("engine.stop.timed_out", signals_lost=len(self.desk.signals))

    def _post(self, bot: BotBooks, rules: InstrumentRules, report: VenueReport) -> bool:
        runner = self.roster.runners.get((rules.exchange, rules.symbol))
        if runner is not None:
            runner.report(bot, rules, report)
        return runner is not None

    def _on_bar(self, runner: SymbolRunner, bar: Bar, now_ns: int) -> None:
        try:
            self.sampling.on_bar(runner.worker, bar, now_ns)
            self.advisers.on_bar(runner, bar, now_ns)
        except Exception:
            # Whoever looks on must not end the symbol's own work.
            log.exception("engine.bar.listener.failed", symbol=runner.worker.symbol)

    async def _close(self) -> None:
        await self.venues.close()
        await self.roster.close()
        await self.advisers.close()
        await self.desk.decisions.flush()
        await self.desk.signals.flush()
        await self.sampling.writer.flush()
        await self.broadcaster.close()

    async def _forever(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Database and network failures are expected; anything else is told and tried again."""
        while True:
            try:
                await work()
            except psycopg.Error as error:
                self.desk.database_failed(error)
            except Exception:
                log.exception("engine.loop.failed", loop=name)
            await asyncio.sleep(RETRY_S)

    async def _keep_leases(self) -> None:
        while True:
            await self._renew()
            await asyncio.sleep(self._terms.renew_s)

    async def _renew(self) -> None:
        for token in await self.store.renew(self.roster.tokens, self.holder):
            bot = self.desk.bots.get(token.bot_id)
            if bot is not None and bot.token == token:
                bot.lost = True
        await self.roster.acquire()
        self.desk.database_is_back()

    async def _keep_bots(self) -> None:
        while True:
            await self.roster.sync()
            self.desk.database_is_back()
            try:
                async with asyncio.timeout(SYNC_S):
                    await self._nudged.wait()
            except TimeoutError:
                continue
            self._nudged.clear()
            await self.roster.acquire()

    async def _keep_seconds(self) -> None:
        due_s = time.monotonic()
        accounts_due_s = due_s + ACCOUNTS_S
        while True:
            due_s = max(due_s + 1.0, time.monotonic())
            marks: list[Mark] = []
            for runner in list(self.roster.runners.values()):
                marks += await runner.second()
            for runner in list(self.roster.runners.values()):
                tell_positions(self.desk, runner.worker)
                warn_unprotected(self.desk, runner.worker, runner.now_ns())
            await check_bots(self.desk, {name: runner.now_ns() for (name, _), runner in self.roster.runners.items()})
            if not self.desk.database_error:
                await self.store.save_marks(marks)
                if due_s >= accounts_due_s:
                    accounts_due_s = due_s + ACCOUNTS_S
                    for account in list(self.desk.accounts.values()):
                        await self.desk.refresh_account(account)
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(WRITE_S)
            if self.desk.database_error:
                continue
            await self.desk.decisions.flush()
            await self.desk.signals.flush()
            await self.sampling.writer.flush()

    async def _listen(self) -> None:
        """Be woken by changes of bots; the loops poll too, so that a lost notice costs a second."""
        connection: AsyncConnection[Any] = await AsyncConnection.connect(**connection_parameters(), autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            async for _ in connection.notifies():
                self._nudged.set()

    def report(self) -> EngineReport:
        desk = self.desk
        return EngineReport(
            bots=len(desk.bots),
            symbols=len(self.roster.runners),
            events=sum(runner.events for runner in self.roster.runners.values()),
            batches=self.intake.batches,
            missed=self.intake.missed,
            overflow=self.intake.overflow,
            signals=desk.signals.written,
            decisions=desk.decisions.written,
            dropped=desk.signals.dropped + desk.decisions.dropped + self.broadcaster.dropped,
            database_error=desk.database_error,
        )
