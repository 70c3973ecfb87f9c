"""Every page of a venue's history, whichever end its answers are cut at."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.brokers.ccxt.history import by_halves, by_id
from bots.brokers.venue import VenueUnavailable

Row = dict[str, Any]
TIMES = st.lists(st.integers(0, 10_000), max_size=60).map(sorted)


def rows_at(times: list[int]) -> list[Row]:
    return [{"id": str(place + 1), "at": at} for place, at in enumerate(times)]


@given(times=TIMES, page=st.integers(1, 7), window_ms=st.integers(10, 5_000))
@settings(max_examples=200, deadline=None)
async def test_paging_by_id_misses_nothing(times: list[int], page: int, window_ms: int) -> None:
    rows = rows_at(times)

    async def span(begun_ms: int, ended_ms: int) -> list[Row]:
        assert ended_ms - begun_ms <= window_ms
        return [row for row in rows if begun_ms <= row["at"] <= ended_ms][:page]

    async def onwards(first: int) -> list[Row]:
        return [row for row in rows if int(row["id"]) >= first][:page]

    found = await by_id(span, onwards, since_ms=0, until_ms=10_000, window_ms=window_ms, page=page, id_name="id")
    assert found == rows


@given(times=TIMES.map(lambda times: sorted(set(times))), page=st.integers(1, 7), is_newest_first=st.booleans())
@settings(max_examples=200, deadline=None)
async def test_halving_misses_nothing_whichever_end_is_cut(times: list[int], page: int, is_newest_first: bool) -> None:
    rows = rows_at(times)

    async def span(begun_ms: int, ended_ms: int) -> list[Row]:
        inside = [row for row in rows if begun_ms <= row["at"] <= ended_ms]
        return inside[::-1][:page] if is_newest_first else inside[:page]

    try:
        found = await by_halves(
            span, since_ms=0, until_ms=10_000, window_ms=4_000, page=page, key=lambda row: str(row["id"])
        )
    except VenueUnavailable:
        # One row a page, and none too many: it is refused, never cut.
        assert page == 1
        return
    assert sorted(found, key=lambda row: row["at"]) == rows


async def test_a_venue_that_ignores_the_span_is_not_asked_for_ever() -> None:
    async def span(begun_ms: int, ended_ms: int) -> list[Row]:
        return rows_at([1] * 20)

    with pytest.raises(VenueUnavailable, match="pages"):
        await by_halves(span, since_ms=0, until_ms=10**9, window_ms=10**9, page=20, key=lambda row: str(row["id"]))


async def test_what_is_older_than_the_window_is_not_asked_for() -> None:
    asked = []

    async def span(begun_ms: int, ended_ms: int) -> list[Row]:
        asked.append((begun_ms, ended_ms))
        return []

    assert await by_halves(span, since_ms=5, until_ms=25, window_ms=9, page=2, key=str) == []
    assert asked == [(5, 14), (15, 24), (25, 25)]
