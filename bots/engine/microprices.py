"""Microprices as they were fitted last, given to the symbols of an engine."""

import asyncio
from datetime import UTC, datetime

import structlog
from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, connection

from bots.engine.runner import SymbolRunner
from bots.microprice import load_tables
from quant.features.microprice import MicropriceTable

log = structlog.get_logger(__name__)

REFRESH_S = 60.0

Place = tuple[str, str]


class Microprices:
    """Follows the tables in the database: they change once a night."""

    def __init__(self, runners: dict[Place, SymbolRunner], *, refresh_s: float = REFRESH_S) -> None:
        self._runners = runners
        self._refresh_s = refresh_s
        self._tables: dict[Place, MicropriceTable] = {}
        self._given: dict[SymbolRunner, MicropriceTable | None] = {}

    async def run(self) -> None:
        """Until cancelled. Symbols that are new get what is known within a second."""
        while True:
            try:
                self._tables = await _aload()
            except (DatabaseError, InterfaceError) as error:
                log.warning("engine.microprices.unavailable", error=str(error)[:300])
            for _ in range(max(1, int(self._refresh_s))):
                await self.give()
                await asyncio.sleep(min(1.0, self._refresh_s))

    async def give(self) -> None:
        runners = dict(self._runners)
        for place, runner in runners.items():
            table = self._tables.get(place)
            if self._given.get(runner) != table:
                async with runner.lock:
                    runner.worker.signals.set_microprice(table)
                self._given[runner] = table
                log.info(
                    "[TRADING LOOP] microprice", symbol=place[1], quotes=table.n_quotes if table else 0,
                    fitted=table is not None,
                )  # fmt: skip
        self._given = {runner: table for runner, table in self._given.items() if runner in runners.values()}


def _load() -> dict[Place, MicropriceTable]:
    try:
        return load_tables(now=datetime.now(UTC))
    finally:
        # Used once in a while: a kept connection would be found dead after the database was away.
        connection.close()


_aload = sync_to_async(_load, thread_sensitive=False)
