"""Leases: which engine owns which bots, by the database's clock. An epoch fences every write of an owner.

A lease that ran out is taken with epoch + 1; a row that a gate holds is never waited for.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from msgspec import Struct
from psycopg import Connection

from bots.orders import sql
from bots.orders.connections import Pool
from bots.trading.records import LeaseToken


class LeaseTerms(Struct, frozen=True, kw_only=True):
    """How long a lease lasts and how often it is renewed. The gate demands a third of it to be left."""

    ttl_s: float = 15.0
    renew_s: float = 3.0

    @property
    def margin_s(self) -> float:
        return self.ttl_s / 3


async def acquire(
    pool: Pool, *, holder: str, terms: LeaseTerms, limit: int = 10_000, bot_ids: Sequence[int] | None = None
) -> list[LeaseToken]:
    """Take free or expired leases of bots that need looking after: active ones, and any with a position or a live order."""
    values = _acquire_values(holder, terms, limit, bot_ids)
    async with pool.connection() as connection:
        await connection.execute(sql.CREATE_LEASES)
        taken = await connection.execute(sql.ACQUIRE_LEASES, values)
        return [LeaseToken(bot_id=row.bot_id, holder=holder, epoch=row.epoch) for row in await taken.fetchall()]


async def renew(pool: Pool, tokens: Iterable[LeaseToken], *, holder: str, terms: LeaseTerms) -> list[LeaseToken]:
    """Extend leases and give those that were lost: stop everything for their bots at once."""
    held = {token.bot_id: token for token in tokens}
    if not held:
        return []
    values = _token_values(held.values(), holder) | {"ttl": timedelta(seconds=terms.ttl_s)}
    async with pool.connection() as connection, connection.pipeline():
        await connection.execute(sql.RENEW_LEASES, values)
        lost = await connection.execute(sql.LOST_LEASES, values)
        return [held[row.bot_id] for row in await lost.fetchall()]


async def release(pool: Pool, tokens: Iterable[LeaseToken], *, holder: str) -> list[int]:
    """Give leases back, so that another engine may take them at once. Gives the bots released."""
    values = _token_values(tokens, holder)
    if not values["bot_ids"]:
        return []
    async with pool.connection() as connection:
        released = await connection.execute(sql.RELEASE_LEASES, values)
        return [row.bot_id for row in await released.fetchall()]


async def end_earlier(pool: Pool, *, engine: str) -> list[int]:
    """Give back what earlier runs of an engine still hold; the caller knows that they have ended. Gives the bots."""
    async with pool.connection() as connection:
        ended = await connection.execute(sql.END_LEASES, {"engine": engine})
        return [row.bot_id for row in await ended.fetchall()]


def acquire_sync(
    connection: Connection[Any], *, holder: str, terms: LeaseTerms, limit: int = 10_000, bot_ids: Sequence[int] | None
) -> list[LeaseToken]:
    """`acquire` for a process that does not await. Commits."""
    connection.execute(sql.CREATE_LEASES)
    taken = connection.execute(sql.ACQUIRE_LEASES, _acquire_values(holder, terms, limit, bot_ids)).fetchall()
    connection.commit()
    return [LeaseToken(bot_id=row.bot_id, holder=holder, epoch=row.epoch) for row in taken]


def release_sync(connection: Connection[Any], tokens: Iterable[LeaseToken], *, holder: str) -> None:
    """`release` for a process that does not await. Commits."""
    connection.execute(sql.RELEASE_LEASES, _token_values(tokens, holder))
    connection.commit()


def _acquire_values(holder: str, terms: LeaseTerms, limit: int, bot_ids: Sequence[int] | None) -> dict[str, Any]:
    return {
        "holder": holder,
        "ttl": timedelta(seconds=terms.ttl_s),
        "limit": limit,
        "bot_ids": None if bot_ids is None else list(bot_ids),
    }


def _token_values(tokens: Iterable[LeaseToken], holder: str) -> dict[str, Any]:
    held = list(tokens)
    return {
        "bot_ids": [token.bot_id for token in held],
        "epochs": [token.epoch for token in held],
        "holder": holder,
    }
