"""Marks of open positions, in batches."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from bots.orders.connections import Pool
from bots.orders.sql import SAVE_MARKS
from bots.orders.times import to_datetime


class Mark(Struct, frozen=True, kw_only=True):
    """Where a position stands. `epoch` is its bot's lease epoch, `revision` that of the stop it was worked out from."""

    position_id: int
    epoch: int
    mark_price: Decimal
    high_water_mark: Decimal
    stop_price: Decimal
    marked_at_ns: int
    revision: int = 0


async def save_marks(pool: Pool, marks: Sequence[Mark]) -> set[int]:
    """Write marks of positions whose bots are still owned at that epoch; gives the positions written."""
    if not marks:
        return set()
    values = {
        "ids": [mark.position_id for mark in marks],
        "epochs": [mark.epoch for mark in marks],
        "marks": [mark.mark_price for mark in marks],
        "peaks": [mark.high_water_mark for mark in marks],
        "stops": [mark.stop_price for mark in marks],
        "times": [to_datetime(mark.marked_at_ns) for mark in marks],
        "revisions": [mark.revision for mark in marks],
    }
    async with pool.connection() as connection:
        saved = await connection.execute(SAVE_MARKS, values)
        return {row.id for row in await saved.fetchall()}
