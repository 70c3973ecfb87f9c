import numpy as np
import pytest

from marketdata.simulator.bars import EMPTY, BarQuery, aggregate, interval_ms
from marketdata.simulator.errors import VenueError
from marketdata.simulator.noise import Ints

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
# A Wednesday.
NOW_MS = 20_500 * DAY + 10 * HOUR + 30_000


def fetch(first_ms: int, last_ms: int) -> Ints:
    """Minutes whose prices are their number, with volume 1."""
    opened = np.arange(-(-first_ms // MINUTE), last_ms // MINUTE + 1, dtype=np.int64)
    price = opened
    one = np.ones(len(opened), dtype=np.int64)
    return np.column_stack([opened * MINUTE, price, price + 1, price - 1, price, one, one, one, one, one, opened])


def opens(query: BarQuery, listed_ms: int = 0) -> list[int]:
    rows: list[int] = query.answer(listed_ms=listed_ms, now_ms=NOW_MS, fetch=fetch)[:, 0].tolist()
    return rows


def test_without_times_the_newest_bars_come() -> None:
    assert opens(BarQuery(width_ms=HOUR, limit=3)) == [NOW_MS - 30_000 - k * HOUR for k in (2, 1, 0)]


def test_from_a_start_the_first_bars_opening_at_or_after_it_come() -> None:
    start = 20_000 * DAY + 1
    assert opens(BarQuery(width_ms=HOUR, start_ms=start, limit=2)) == [20_000 * DAY + HOUR, 20_000 * DAY + 2 * HOUR]


def test_up_to_an_end_the_last_bars_opening_at_or_before_it_come() -> None:
    end = 20_000 * DAY
    assert opens(BarQuery(width_ms=HOUR, end_ms=end, limit=2)) == [end - HOUR, end]
    assert opens(BarQuery(width_ms=HOUR, end_ms=end - 1, limit=1)) == [end - HOUR]


def test_between_two_times_the_first_come() -> None:
    start = 20_000 * DAY
    assert opens(BarQuery(width_ms=MINUTE, start_ms=start, end_ms=start + 5 * MINUTE, limit=2)) == [
        start,
        start + MINUTE,
    ]
    assert len(opens(BarQuery(width_ms=MINUTE, start_ms=start, end_ms=start + 5 * MINUTE))) == 6


def test_nothing_before_the_listing_or_after_now() -> None:
    listed = NOW_MS - 30_000 - 3 * HOUR
    assert len(opens(BarQuery(width_ms=HOUR), listed_ms=listed)) == 4
    assert opens(BarQuery(width_ms=HOUR, start_ms=NOW_MS + HOUR)) == []


def test_weeks_open_on_monday() -> None:
    (opened,) = opens(BarQuery(width_ms=7 * DAY, limit=1))
    assert (opened // DAY + 3) % 7 == 0


def test_a_long_bar_sums_its_minutes() -> None:
    bars = aggregate(fetch(0, 10 * MINUTE - 1), 5 * MINUTE)
    assert bars.tolist() == [[0, 0, 5, -1, 4, 5, 5, 5, 5, 5, 299_999], [300_000, 5, 10, 4, 9, 5, 5, 5, 5, 5, 599_999]]
    assert aggregate(EMPTY, HOUR) is EMPTY


def test_unknown_intervals_are_refused() -> None:
    with pytest.raises(VenueError, match="Invalid interval"):
        interval_ms("7m")
