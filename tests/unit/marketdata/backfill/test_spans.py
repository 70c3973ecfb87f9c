"""What is missing between what is there."""

from hypothesis import given
from hypothesis import strategies as st

from marketdata.backfill.spans import Span, find_gaps, joined, on_grid, say_span, total_bars
from tests.unit.marketdata.cast import MINUTE, SECOND, T0

HOUR = Span(start_ns=T0, end_ns=T0 + 60 * MINUTE)


def span(first: int, last: int) -> Span:
    return Span(start_ns=T0 + first * MINUTE, end_ns=T0 + last * MINUTE)


def test_gaps_at_the_ends_and_in_the_middle():
    opens = [T0 + number * MINUTE for number in range(60) if number not in (0, 1, 30, 58, 59)]
    assert find_gaps(opens, HOUR, MINUTE) == [span(0, 2), span(30, 31), span(58, 60)]


def test_nothing_there_is_one_gap_and_everything_there_is_none():
    assert find_gaps([], HOUR, MINUTE) == [HOUR]
    assert find_gaps([T0 + number * MINUTE for number in range(-5, 65)], HOUR, MINUTE) == []


@given(there=st.sets(st.integers(-5, 65)))
def test_gaps_and_what_is_there_make_the_whole(there):
    gaps = find_gaps([T0 + number * MINUTE for number in there], HOUR, MINUTE)
    missing = {number for gap in gaps for number in range((gap.start_ns - T0) // MINUTE, (gap.end_ns - T0) // MINUTE)}
    assert missing == set(range(60)) - there
    assert total_bars(gaps, MINUTE) == len(missing)
    assert joined(gaps) == gaps


def test_the_grid_takes_whole_bars_only():
    assert on_grid(Span(start_ns=T0 + 1, end_ns=T0 + 10 * MINUTE - 1), MINUTE) == span(1, 9)
    assert on_grid(Span(start_ns=T0 + MINUTE, end_ns=T0 + 16 * MINUTE), 5 * MINUTE) == span(5, 15)
    assert on_grid(Span(start_ns=T0 + 1, end_ns=T0 + 2 * SECOND), MINUTE).bars(MINUTE) == 0


def test_spans_that_touch_are_joined():
    assert joined([span(5, 7), span(0, 2), span(2, 4), span(6, 9)]) == [span(0, 4), span(5, 9)]


def test_times_are_said_in_utc_the_day_once():
    assert say_span(span(720, 725)) == "2024-08-08 12:00\N{EN DASH}12:05"
    assert say_span(span(0, 24 * 60)) == "2024-08-08 00:00\N{EN DASH}2024-08-09 00:00"
