"""Bars that cannot be are refused, by name."""

import pytest
from msgspec.structs import replace

from marketdata.backfill.check import check_bars
from marketdata.backfill.spans import Span
from tests.unit.marketdata.cast import MINUTE, SECOND, T0, minute

SPAN = Span(start_ns=T0, end_ns=T0 + 10 * MINUTE)


def test_good_bars_pass():
    bars = [minute(number, close=99 + number % 3) for number in range(10)]
    checked = check_bars(bars, SPAN, "1m")
    assert (checked.good, checked.refused, checked.forming) == (bars, [], frozenset())


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"high": 98.0, "low": 99.0}, "high is below low"),
        ({"close": 101.0}, "outside high and low"),
        ({"low": 100.5, "high": 103.0}, "outside high and low"),
        ({"low": 0.0}, "zero or negative"),
        ({"open": -1.0, "low": -1.0}, "zero or negative"),
        ({"close": float("nan")}, "not a number"),
        ({"high": float("inf")}, "not a number"),
        ({"volume": -1.0}, "volume is negative"),
        ({"volume": float("nan")}, "volume is negative or not a number"),
        ({"ts_open": T0 + 3 * MINUTE + SECOND}, "does not open where such bars do"),
        ({"ts_close": T0 + 9 * MINUTE}, "does not open where such bars do"),
    ],
)
def test_a_bar_that_cannot_be_is_named_and_the_others_pass(fields, reason):
    bars = [minute(number) for number in range(5)]
    bad = replace(bars[3], **fields)
    checked = check_bars([*bars[:3], bad, bars[4]], SPAN, "1m")
    assert checked.good == [*bars[:3], bars[4]]
    (refused,) = checked.refused
    assert refused.ts_open == bad.ts_open
    assert reason in refused.reason


def test_what_comes_before_the_range_is_refused_and_what_comes_after_it_left_out():
    checked = check_bars([minute(number) for number in range(-1, 12)], SPAN, "1m")
    assert [bar.ts_open for bar in checked.good] == [T0 + number * MINUTE for number in range(10)]
    assert [(item.ts_open, item.reason) for item in checked.refused] == [
        (T0 - MINUTE, "before the range that was asked for")
    ]


def test_repeated_bars_count_once_and_contradicting_ones_not_at_all():
    one, two, other = minute(1), minute(2), minute(2, close=105)
    checked = check_bars([minute(0), one, one, two, other, minute(3)], SPAN, "1m")
    assert checked.good == [minute(0), one, minute(3)]
    assert [(item.ts_open, item.reason) for item in checked.refused] == [
        (one.ts_open, "sent twice"),
        (two.ts_open, "sent twice, with different numbers"),
        (two.ts_open, "sent twice, with different numbers"),
    ]


def test_order_is_kept_or_the_bar_refused():
    checked = check_bars([minute(0), minute(2), minute(1), minute(3)], SPAN, "1m")
    assert checked.good == [minute(0), minute(2), minute(3)]
    assert [(item.ts_open, item.reason) for item in checked.refused] == [(T0 + MINUTE, "out of order")]


def test_a_forming_bar_is_neither_good_nor_missing():
    checked = check_bars([minute(0), minute(1, closed=False)], SPAN, "1m")
    assert (checked.good, checked.refused, checked.forming) == ([minute(0)], [], frozenset({T0 + MINUTE}))
