"""Batches of rows in which one bad row costs only itself."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from django.db import DataError, IntegrityError

Row = TypeVar("Row")

# The database refuses what it was given, or nothing could be made of it that it takes; a UnicodeError is a ValueError.
REFUSALS = (IntegrityError, DataError, ValueError, OverflowError)
# Each costs some twenty transactions: the rest waits for the next time, so that the lease is renewed meanwhile.
_MAX_REFUSED = 20


async def write_isolated(
    batch: Sequence[Row],
    write: Callable[[list[Row]], Awaitable[bool]],
    *,
    refused: Callable[[Row, Exception], None],
) -> list[Row]:
    """Write rows in one go; where they are refused, in halves, until each bad row stands alone and goes to `refused`.

    write: all or nothing; False when the database is away, or raises one of REFUSALS. Gives the rows that are still to
    be written, in their order: the database is away, or very many were refused.
    """
    parts = [list(batch)]
    bad = 0
    while parts and bad < _MAX_REFUSED:
        part = parts[0]
        try:
            if not await write(part):
                break
        except REFUSALS as error:
            if len(part) > 1:
                middle = len(part) // 2
                parts[:1] = [part[:middle], part[middle:]]
                continue
            refused(part[0], error)
            bad += 1
        del parts[0]
    return [row for part in parts for row in part]
