"""Models and remote servers: asked as bars close, in the background; what they say joins the symbol's signals.

No tick waits for them. Who has not answered when the next bar closes is left out of that one, and a vote counts by the
age of the bar that it is about.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import structlog
from django.db import DatabaseError, InterfaceError

from bots.engine.advice import Advice
from bots.engine.ballot import Given
from bots.engine.shelf import ModelShelf, Voting
from bots.engine.symbol import SymbolWorker
from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe
from quant.learning.features import FEATURES, market_features
from quant.reading import LEARNED, Component, Reading
from quant.remote.answer import NAMES
from quant.remote.client import QuantClient, RemoteSignals
from quant.remote.voter import RemoteVoter

log = structlog.get_logger(__name__)

T = TypeVar("T")

REFRESH_S = 30.0
RETRY_S = 5.0
# Remote servers are told of every minute.
REMOTE_FRAME: Timeframe = "1m"
REMOTE_BAR_S = float(TIMEFRAME_SECONDS[REMOTE_FRAME])
QUANT_COMPONENTS = tuple(NAMES.values())
# A policy is in shadow: it is recorded and shown, and no weight that a bot gives makes it move anything.
REMOTE_FACTORS: Mapping[Component, float] = {Component.MODEL: 1.0, Component.POLICY: 0.0}


class Symbol(Protocol):
    """A symbol that is advised: its worker, which only the holder of the lock changes."""

    worker: SymbolWorker
    lock: asyncio.Lock

    def now_ns(self) -> int: ...


class Advisers:
    """All advisers of an engine. `on_bar` never waits; `keep_models` is a task of the engine."""

    def __init__(
        self,
        *,
        quant: QuantClient | None = None,
        voters: Mapping[Component, RemoteVoter] | None = None,
        shelf: ModelShelf | None = None,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self.shelf = shelf or ModelShelf()
        self._quant = quant
        self._voters = dict(voters or {})
        self._refresh_s = refresh_s
        self._symbols: dict[Symbol, Advice] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # Predictions are short, and trees are not for several threads.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="advisers")
        self.asked = 0
        self.left_out = 0

    async def keep_models(self) -> None:
        """Follow the registry until cancelled."""
        while True:
            try:
                await self.refresh()
            except (DatabaseError, InterfaceError) as error:
                log.warning("engine.models.unavailable", error=str(error)[:300])
                await asyncio.sleep(RETRY_S)
            else:
                await asyncio.sleep(self._refresh_s)

    async def refresh(self) -> None:
        """Read the registry once, and withdraw the votes of versions that vote no more. Raises DatabaseError."""
        if not await self._in_thread(self.shelf.refresh):
            return
        log.info("[TRADING LOOP] models", active=dict(self.shelf.statuses))
        for symbol, advice in list(self._symbols.items()):
            names = {voting.name for voting in self._voting(symbol)} | {_remote_name(c) for c in self._voters}
            changed = [ballot.keep(names) for ballot in advice.ballots.values()]
            if any(changed):
                await self._count(symbol, advice)

    def forget(self, symbol: Symbol) -> None:
        self._symbols.pop(symbol, None)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in (self._quant, *self._voters.values()):
            if server is not None:
                await server.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def on_bar(self, symbol: Symbol, bar: Bar, now_ns: int) -> None:
        """Ask everybody who has something to say about a bar that closed."""
        advice = self._symbols.get(symbol)
        if advice is None:
            advice = self._symbols[symbol] = Advice(symbol.worker.exchange, symbol.worker.symbol)
        advice.note(bar)
        voting = [one for one in self._voting(symbol) if one.timeframe == bar.timeframe]
        is_remote = bar.timeframe == REMOTE_FRAME
        if not voting and not (is_remote and (self._voters or self._quant)):
            return
        recent = advice.recent(bar.timeframe)
        market = market_features(symbol.worker.signals.read(now_ns=now_ns)) if voting or self._voters else ()
        if voting:
            self._begin(
                advice, f"models {bar.timeframe}", lambda: self._predict(symbol, advice, voting, recent, market)
            )
        if not is_remote:
            return
        for component, voter in self._voters.items():
            self._begin(
                advice,
                _remote_name(component),
                lambda component=component, voter=voter: self._ask_voter(  # type: ignore[misc]
                    symbol, advice, component, voter, recent, market, now_ns
                ),
            )
        if (client := self._quant) is not None:
            self._begin(advice, "quant", lambda: self._ask_quant(symbol, advice, client, recent, now_ns))

    def _voting(self, symbol: Symbol) -> Sequence[Voting]:
        return self.shelf.voting(symbol.worker.exchange, symbol.worker.symbol)

    def _begin(self, advice: Advice, name: str, work: Callable[[], Awaitable[None]]) -> None:
        if name in advice.busy:
            self.left_out += 1
            log.info("[TRADING LOOP] adviser left out", adviser=name, symbol=advice.symbol, why="it is still thinking")
            return
        advice.busy.add(name)
        self.asked += 1
        task = asyncio.create_task(self._run(advice, name, work), name=f"{name} {advice.symbol}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, advice: Advice, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            # An adviser that fails is one that says nothing.
            log.exception("engine.adviser.failed", adviser=name, symbol=advice.symbol)
        finally:
            advice.busy.discard(name)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _predict(
        self, symbol: Symbol, advice: Advice, voting: Sequence[Voting], recent: Sequence[Bar], market: Sequence[float]
    ) -> None:
        as_of = recent[-1].ts_close

        def work() -> list[tuple[Voting, Reading]]:
            row = advice.builder(voting[0].timeframe, recent).row(market)
            return [(one, one.predictor.reading(one.predictor.predict(row), as_of)) for one in voting]

        said = await self._in_thread(work)
        # What was rolled back meanwhile says nothing any more.
        current = {one.name: one.factor for one in self._voting(symbol)}
        for one, reading in said:
            if one.name in current:
                bar_s = float(TIMEFRAME_SECONDS[one.timeframe])
                given = Given(reading=reading, factor=current[one.name], bar_s=bar_s)
                advice.ballots[Component.MODEL].put(one.name, given)
        await self._count(symbol, advice)

    async def _ask_voter(
        self, symbol: Symbol, advice: Advice, component: Component, voter: RemoteVoter, recent: Sequence[Bar],
        market: Sequence[float], now_ns: int,
    ) -> None:  # fmt: skip
        row = await self._in_thread(lambda: advice.builder(REMOTE_FRAME, recent).row(market))
        reading = await voter.vote(advice.symbol, dict(zip(FEATURES, row.tolist(), strict=True)), now_ns)
        if reading is not None:
            given = Given(reading=reading, factor=REMOTE_FACTORS[component], bar_s=REMOTE_BAR_S)
            advice.ballots[component].put(_remote_name(component), given)
            await self._count(symbol, advice)

    async def _ask_quant(
        self, symbol: Symbol, advice: Advice, client: QuantClient, recent: Sequence[Bar], now_ns: int
    ) -> None:
        candles = await self._in_thread(lambda: advice.candles(recent))
        said: RemoteSignals | None = await client.signals(advice.symbol, candles, now_ns)
        readings = {} if said is None else said.readings()
        # What it says counts until it is asked again; what it no longer says is the built-in signals' to say.
        async with symbol.lock:
            for component in QUANT_COMPONENTS:
                symbol.worker.signals.set_vote(component, readings.get(component), bar_s=REMOTE_BAR_S)

    async def _count(self, symbol: Symbol, advice: Advice) -> None:
        """Bring the symbol's learned components up to date."""
        async with symbol.lock:
            worker = symbol.worker
            factors = dict(worker.factors)
            for component in LEARNED:
                counted = advice.ballots[component].count(symbol.now_ns())
                worker.signals.set_vote(component, counted.reading, bar_s=counted.bar_s)
                factors[component] = counted.factor
            if factors != worker.factors:
                worker.factors = factors
                await worker.rebuild()


def _remote_name(component: Component) -> str:
    return f"remote {component}"
