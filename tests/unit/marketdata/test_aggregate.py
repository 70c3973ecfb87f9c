"""Longer bars from shorter ones: whole or not at all."""

from msgspec.structs import replace

from marketdata.aggregate import aggregate, shorter_timeframes
from tests.unit.marketdata.cast import MINUTE, T0, minute


def test_a_complete_set_becomes_a_bar():
    parts = [minute(number, close=close, volume=number) for number, close in enumerate([101, 98, 103, 99, 102])]
    (bar,) = aggregate(parts, "5m")
    assert (bar.ts_open, bar.ts_close, bar.timeframe) == (T0, T0 + 5 * MINUTE, "5m")
    assert (bar.open, bar.high, bar.low, bar.close) == (100, 103, 98, 102)
    assert (bar.volume, bar.taker_buy_volume, bar.trades, bar.closed, bar.source) == (10, 5, 15, True, "rest")


def test_order_and_repetition_change_nothing():
    parts = [minute(number) for number in range(10)]
    assert aggregate([*reversed(parts), *parts[:3]], "5m") == aggregate(parts, "5m")
    assert len(aggregate(parts, "5m")) == 2


def test_sets_with_a_hole_or_a_forming_part_are_left_out():
    parts = [minute(number) for number in range(15)]
    parts[7] = replace(parts[7], closed=False)
    del parts[2]
    assert [bar.ts_open for bar in aggregate(parts, "5m")] == [T0 + 10 * MINUTE]


def test_parts_off_the_grid_make_no_bar():
    half_hours = [
        replace(minute(0), timeframe="30m", ts_open=T0 + (15 + 30 * n) * MINUTE, ts_close=T0 + (45 + 30 * n) * MINUTE)
        for n in range(8)
    ]
    assert aggregate(half_hours, "1h") == []


def test_nothing_is_made_of_parts_that_do_not_fit():
    threes = [replace(minute(3 * n), timeframe="3m", ts_close=T0 + 3 * (n + 1) * MINUTE) for n in range(10)]
    assert aggregate(threes, "5m") == []
    assert aggregate(threes, "3m") == []
    assert aggregate([], "5m") == []


def test_unknown_taker_volume_stays_unknown():
    parts = [replace(minute(number), taker_buy_volume=None if number == 3 else 1.0) for number in range(5)]
    assert aggregate(parts, "5m")[0].taker_buy_volume is None


def test_what_a_timeframe_can_be_built_from():
    assert shorter_timeframes("1m") == []
    assert shorter_timeframes("5m") == ["1m"]
    assert shorter_timeframes("15m") == ["5m", "3m", "1m"]
    assert shorter_timeframes("1d") == ["4h", "1h", "30m", "15m", "5m", "3m", "1m"]
