"""Batches of rows in which one bad row costs only itself."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import psycopg

Row = TypeVar("Row")


async def write_isolated(
    batch: Sequence[Row],
    write: Callable[[Sequence[Row]], Awaitable[None]],
    *,
    refused: Callable[[Row, psycopg.Error], None],
) -> list[Row]:
    """Write rows in one go; where the database refuses, in halves, until each bad row stands alone and goes to `refused`.

    write: all or nothing. Gives the rows that are still to be written, because the database went away meanwhile.
    """
    parts = [list(batch)]
    while parts:
        part = parts.pop(0)
        try:
            await write(part)
        except psycopg.OperationalError:
            return [row for waiting in (part, *parts) for row in waiting]
        except psycopg.Error as error:
            if len(part) == 1:
                refused(part[0], error)
                continue
            middle = len(part) // 2
            parts[:0] = [part[:middle], part[middle:]]
    return []
