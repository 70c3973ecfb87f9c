"""What every symbol says, for processes beside the engine: signals once a second, regimes as they change."""

import asyncio
from typing import Any

import structlog
from redis.exceptions import RedisError

from bots.broadcast import Broadcaster
from bots.engine.mood import regime_told
from bots.engine.runner import SymbolRunner
from bots.regimes import astore_regimes
from quant.regime import DEFAULT_FRAMES, regime_of
from quant.remote.latest import apublish

log = structlog.get_logger(__name__)

EVERY_S = 1.0
RETRY_S = 5.0
# Of the seconds, how often an unchanged regime is written again, before it runs out.
REGIME_EVERY = 60


def regime_record(runner: SymbolRunner) -> dict[str, Any]:
    """The instrument's regime by its usual timeframes, and that of each."""
    states = runner.worker.signals.regimes
    told = regime_told(regime_of(states))
    return {
        "exchange": runner.worker.exchange,
        "symbol": runner.worker.symbol,
        **told,
        "together": [frame for frame in DEFAULT_FRAMES if frame in states],
        "timeframes": {frame: regime_told(state) for frame, state in states.items()},
    }


def _key(record: dict[str, Any]) -> tuple[Any, ...]:
    """What people see of a regime: where it differs they are told. Bars count until there are enough."""
    return tuple(
        (
            state["phase"], state["direction"], state["volatility"], round(state["quality"], 1),
            min(state["bars"], state["bars_needed"]),
        )
        for state in (record, *record["timeframes"].values())
    )  # fmt: skip


class Standing:
    """Tells what changed, and writes what others may read. Redis may be away: then it is tried again."""

    def __init__(self, runners: dict[tuple[str, str], SymbolRunner], broadcaster: Broadcaster) -> None:
        self._runners = runners
        self._broadcaster = broadcaster
        self._told: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._rounds = 0

    async def run(self) -> None:
        """Once a second, until cancelled."""
        while True:
            try:
                await self.tell()
            except (RedisError, OSError) as error:
                log.debug("engine.standing.unavailable", error=f"{type(error).__name__}: {error}")
                self._told.clear()
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(EVERY_S)

    async def tell(self) -> None:
        """Raises RedisError."""
        runners = {place: runner for place, runner in self._runners.items() if len(runner.worker.seats)}
        await apublish(*(runner.worker.signals.read(now_ns=runner.now_ns()) for runner in runners.values()))
        changed: dict[tuple[str, str], dict[str, Any]] = {}
        for place, runner in runners.items():
            record = regime_record(runner)
            key = _key(record)
            is_new = self._told.get(place) != key
            if is_new:
                self._told[place] = key
                self._broadcaster.put_all("regimeUpdate", record)
            if is_new or self._rounds % REGIME_EVERY == 0:
                changed[place] = record
        self._rounds += 1
        for place in set(self._told) - set(runners):
            del self._told[place]
        if changed:
            await astore_regimes(changed)
