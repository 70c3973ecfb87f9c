"""GARCH as it was fitted last, given to the symbols of an engine."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog
from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, connection

from bots.engine.runner import SymbolRunner
from quant.features.garch import GarchParameters
from quant.nightly import TIMEFRAME, load_parameters

log = structlog.get_logger(__name__)

REFRESH_S = 60.0

Place = tuple[str, str]


class Garches:
    """Follows the fits in the database: they change once a night."""

    def __init__(self, runners: dict[Place, SymbolRunner], *, refresh_s: float = REFRESH_S) -> None:
        self._runners = runners
        self._refresh_s = refresh_s
        self._given: dict[SymbolRunner, GarchParameters] = {}

    async def run(self) -> None:
        """Until cancelled. A symbol that is new gets what is known at the next look."""
        while True:
            try:
                await self.give(await _aload())
            except (DatabaseError, InterfaceError) as error:
                log.warning("engine.garches.unavailable", error=str(error)[:300])
            await asyncio.sleep(self._refresh_s)

    async def give(self, known: Mapping[Place, GarchParameters]) -> None:
        runners = dict(self._runners)
        for place, runner in runners.items():
            parameters = known.get(place)
            if self._given.get(runner) == parameters:
                continue
            async with runner.lock:
                runner.worker.signals.set_garch(TIMEFRAME, parameters)
            if parameters is None:
                del self._given[runner]
            else:
                self._given[runner] = parameters
        current = set(runners.values())
        self._given = {runner: given for runner, given in self._given.items() if runner in current}


def _load() -> Mapping[Place, GarchParameters]:
    try:
        return load_parameters(now=datetime.now(UTC))
    finally:
        # Used once in a while: a kept connection would be found dead after the database was away.
        connection.close()


_aload = sync_to_async(_load, thread_sensitive=False)
