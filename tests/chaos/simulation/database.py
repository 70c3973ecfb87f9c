"""The real database through connections that end, or break, where a process's fate says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection

from bots.orders import sql
from bots.orders.connections import connection_parameters
from bots.orders.load_sql import LEFT_BEHIND
from tests.chaos.simulation.fate import Fate

# What a transaction is about, by its first statement.
KINDS = {sql.LOCK_GATE: "gate", sql.LOCK_ORDER: "record", LEFT_BEHIND: "recover"}


class Database:
    """One connection for all processes of a life: one transaction at a time, so that a seed says what happens."""

    def __init__(self) -> None:
        self._connection: AsyncConnection[Any] | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection[Any]]:
        async with self._turn:
            if self._connection is None or self._connection.closed:
                self._connection = await AsyncConnection.connect(**connection_parameters())
            connection = self._connection
            try:
                yield connection
            except BaseException:
                await asyncio.shield(connection.rollback())
                raise
            await connection.commit()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


class FatefulPool:
    """What a process holds for a pool."""

    def __init__(self, database: Database, fate: Fate) -> None:
        self._database = database
        self._fate = fate

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        fate = self._fate
        await fate.at("connection")
        await asyncio.sleep(fate.rng.choice((0.0002, 0.001, 0.003)))
        async with self._database.transaction() as real:
            connection = _Connection(real, fate)
            yield connection
            await connection.commit()


class _Connection:
    def __init__(self, real: AsyncConnection[Any], fate: Fate) -> None:
        self._real = real
        self._fate = fate
        self._kind = ""
        self._has_written = False

    async def execute(self, statement: Any, values: Any = None) -> Any:
        self._has_written = True
        if not self._kind:
            self._kind = KINDS.get(statement, "other")
            await self._fate.at(f"in.{self._kind}" if self._kind == "other" else f"{self._kind}.begin")
        else:
            await self._fate.at(f"in.{self._kind}")
        answer = await self._real.execute(statement, values)
        await self._fate.at(f"in.{self._kind}.done")
        return answer

    async def commit(self) -> None:
        if not self._has_written:
            return
        fate = self._fate
        await fate.at(f"{self._kind}.commit.before" if self._kind != "recover" else "in.recover")
        is_cut = fate.is_cut()
        if is_cut and fate.rng.random() < 0.5:
            raise psycopg.OperationalError("cut before the commit")
        await self._real.commit()
        self._has_written = False
        await fate.at(f"{self._kind}.commit.after" if self._kind != "recover" else "recover.after")
        if is_cut:
            raise psycopg.OperationalError("cut after the commit")

    async def rollback(self) -> None:
        self._has_written = False
        await self._real.rollback()

    def pipeline(self) -> Any:
        return self._real.pipeline()

    @asynccontextmanager
    async def cursor(self) -> AsyncIterator["_Cursor"]:
        async with self._real.cursor() as real:
            yield _Cursor(real, self)

    async def passes(self) -> None:
        self._has_written = True
        self._kind = self._kind or "other"
        await self._fate.at(f"in.{self._kind}")


class _Cursor:
    def __init__(self, real: Any, connection: _Connection) -> None:
        self._real = real
        self._connection = connection

    async def execute(self, statement: Any, values: Any = None) -> Any:
        await self._connection.passes()
        return await self._real.execute(statement, values)

    async def executemany(self, statement: Any, values: Any) -> Any:
        await self._connection.passes()
        return await self._real.executemany(statement, values)
