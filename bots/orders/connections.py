"""Connections to the database for the order path: a pool for processes that await, one connection for those that do not."""

from typing import Any

from django.db import connections
from psycopg import AsyncConnection, Connection
from psycopg.rows import namedtuple_row
from psycopg_pool import AsyncConnectionPool

RowConnection = AsyncConnection[Any]
Pool = AsyncConnectionPool[Any]


def connection_parameters() -> dict[str, Any]:
    """Django's own database, as psycopg spells it."""
    configured = connections["default"].settings_dict
    options = {name: value for name, value in configured["OPTIONS"].items() if name not in ("pool",)}
    parameters = {
        "dbname": configured["NAME"],
        "user": configured["USER"],
        "password": configured["PASSWORD"],
        "host": configured["HOST"],
        "port": configured["PORT"],
    }
    return {name: value for name, value in parameters.items() if value} | options | {"row_factory": namedtuple_row}


async def open_pool(*, min_size: int = 1, max_size: int = 8) -> Pool:
    """An open pool; close it with `await pool.close()`. Raises psycopg_pool.PoolTimeout where nothing answers in 10 s."""
    pool: Pool = AsyncConnectionPool(
        kwargs=connection_parameters(), min_size=min_size, max_size=max_size, timeout=10, open=False, name="orders"
    )
    await pool.open(wait=True, timeout=10)
    return pool


def open_connection() -> Connection[Any]:
    """One connection for a process that does not await."""
    return Connection.connect(**connection_parameters())
