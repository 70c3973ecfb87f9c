"""Which rows of a history a request asks for."""

from typing import TypeVar

from marketdata.simulator.parameters import Params, integer, limit

Row = TypeVar("Row")


def is_within(params: Params, number: int, time_ms: int, *, first: str) -> bool:
    start, end, from_id = integer(params, "startTime"), integer(params, "endTime"), integer(params, first)
    return (
        (start is None or time_ms >= start)
        and (end is None or time_ms <= end)
        and (from_id is None or first == "orderId" or number >= from_id)
    )


def page(params: Params, rows: list[Row], *, first: str) -> list[Row]:
    count = limit(params, 500, 1000)
    return rows[:count] if params.get(first) or params.get("startTime") else rows[-count:]
