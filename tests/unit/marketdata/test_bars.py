"""Bars from trade ticks: whole or not at all, and no print counted twice."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.bars import BarSet
from tests.unit.marketdata.cast import MINUTE, SECOND, T0, minute, trade


def watched(*timeframes) -> BarSet:
    """A set that has seen everything since T0, with an hour of history before."""
    bars = BarSet(exchange="binance", symbol="BTC/USDT", timeframes=timeframes or ("1m",))
    bars.resume()
    bars.seed([minute(number) for number in range(-60, 0)], [], assume_complete=True)
    return bars


def test_a_minute_of_prints():
    bars = watched()
    for number, (price, size, sold) in enumerate([(100, 1, False), (103, 2, True), (99, 3, False), (101, 4, True)]):
        assert bars.add(trade(price, at=T0 + number * SECOND, id=number, size=size, sold=sold)) == []
    (bar,) = bars.add(trade(105, at=T0 + MINUTE, id=9))
    assert (bar.open, bar.high, bar.low, bar.close) == (100, 103, 99, 101)
    assert (bar.volume, bar.taker_buy_volume, bar.trades) == (10, 4, 4)
    assert (bar.ts_open, bar.ts_close, bar.closed, bar.source) == (T0, T0 + MINUTE, True, "trades")


def test_a_quiet_symbol_closes_its_bar_by_time():
    bars = watched()
    bars.add(trade(100, at=T0))
    assert bars.advance(T0 + MINUTE) == []
    (bar,) = bars.advance(T0 + MINUTE + SECOND)
    assert bar.close == 100


def test_minutes_without_a_print_carry_the_price_with_volume_zero():
    bars = watched()
    bars.add(trade(100, at=T0))
    closed = bars.add(trade(104, at=T0 + 3 * MINUTE, id=2))
    assert [(bar.close, bar.volume, bar.trades) for bar in closed] == [(100, 1, 1), (100, 0, 0), (100, 0, 0)]


def test_longer_bars_are_made_of_minutes():
    bars = watched("1m", "3m", "5m")
    out = []
    for number in range(15):
        out += bars.add(trade(100 + number, at=T0 + number * MINUTE, id=number, size=2))
    out += bars.advance(T0 + 16 * MINUTE)
    threes = [bar for bar in out if bar.timeframe == "3m"]
    fives = [bar for bar in out if bar.timeframe == "5m"]
    assert [(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in threes][:2] == [
        (100, 102, 100, 102, 6),
        (103, 105, 103, 105, 6),
    ]
    assert (len(threes), len(fives)) == (5, 3)
    assert fives[0].ts_open == T0
    assert fives[0].trades == 5


def test_a_minute_that_was_not_watched_from_its_beginning_is_not_published():
    bars = BarSet(exchange="binance", symbol="BTC/USDT", timeframes=("1m",))
    bars.resume()
    bars.add(trade(100, at=T0 + 10 * SECOND))
    assert bars.add(trade(101, at=T0 + MINUTE, id=2)) == []
    assert bars.needs_history
    (bar,) = bars.add(trade(102, at=T0 + 2 * MINUTE, id=3))
    assert bar.ts_open == T0 + MINUTE


def test_an_interrupted_minute_comes_from_history_and_is_published_once():
    bars = watched("1m", "3m")
    bars.add(trade(100, at=T0))
    bars.interrupt()
    bars.resume()
    assert bars.add(trade(101, at=T0 + MINUTE + SECOND, id=5)) == []
    history = [minute(0, close=109), minute(1, close=101, closed=False)]
    missed = bars.seed(history, [trade(100, at=T0 + 59 * SECOND, id=4), trade(101, at=T0 + MINUTE + SECOND, id=5)])
    assert [(bar.timeframe, bar.ts_open, bar.close, bar.source) for bar in missed] == [("1m", T0, 109, "rest")]
    assert not bars.needs_history
    assert bars.seed(history, [trade(100, at=T0 + 59 * SECOND, id=4)]) == []
    (bar,) = bars.add(trade(102, at=T0 + 2 * MINUTE, id=6))
    assert (bar.volume, bar.trades) == (1, 1)
    out = bars.add(trade(102, at=T0 + 3 * MINUTE, id=7))
    assert [(bar.timeframe, bar.high) for bar in out] == [("1m", 102), ("3m", 109)]


def test_prints_known_from_rest_and_socket_count_once():
    bars = BarSet(exchange="binance", symbol="BTC/USDT", timeframes=("1m",))
    bars.resume()
    everything = [trade(100 + id, at=T0 - SECOND + id * SECOND, id=id) for id in range(20)]
    for tick in everything[12:]:
        bars.add(tick)
    bars.seed([minute(-2), minute(-1), minute(0, closed=False)], everything[:15])
    (bar,) = bars.advance(T0 + MINUTE + SECOND)
    assert bar.trades == 19
    assert (bar.open, bar.close) == (101, 119)


def test_history_that_ends_before_the_first_print_heard_leaves_a_hole():
    """REST answered before the stream of prints had begun: what was printed between them, nobody told."""
    bars = BarSet(exchange="binance", symbol="BTC/USDT", timeframes=("1m",))
    bars.resume()
    everything = [trade(100 + id, at=T0 - SECOND + id * SECOND, id=id) for id in range(20)]
    history = [minute(-2), minute(-1), minute(0, closed=False)]
    bars.seed(history, everything[:10])
    assert bars.needs_history
    assert not bars.is_joinable
    for tick in everything[12:]:
        bars.add(tick)
    assert bars.is_joinable
    bars.seed(history, everything[:12])
    assert bars.needs_history
    bars.seed(history, everything[:13])
    assert not bars.needs_history
    (bar,) = bars.advance(T0 + MINUTE + SECOND)
    assert bar.trades == 19


def test_without_prints_back_to_its_beginning_the_forming_bar_shows_the_venues_numbers():
    bars = BarSet(exchange="binance", symbol="BTC/USDT", timeframes=("1m", "3m"))
    bars.resume()
    bars.seed([minute(-1), minute(0, close=107, volume=50, closed=False)], [trade(107, at=T0 + 30 * SECOND, id=30)])
    bars.add(trade(90, at=T0 + 31 * SECOND, id=31))
    forming = bars.forming()[0]
    assert (forming.open, forming.high, forming.low, forming.close) == (100, 107, 90, 90)
    assert (forming.volume, forming.closed) == (51, False)
    assert bars.needs_history
    assert bars.advance(T0 + MINUTE + SECOND) == []


def test_a_late_print_of_a_closed_minute_counts_nowhere():
    bars = watched()
    bars.add(trade(100, at=T0))
    bars.add(trade(101, at=T0 + MINUTE, id=2))
    assert bars.add(trade(500, at=T0 + 59 * SECOND, id=3)) == []
    (bar,) = bars.advance(T0 + 2 * MINUTE + SECOND)
    assert bar.high == 101


def test_days_without_data_are_left_to_history():
    bars = watched()
    bars.add(trade(100, at=T0))
    assert bars.add(trade(101, at=T0 + 3 * 1440 * MINUTE, id=2)) == []
    assert bars.needs_history


def test_synthetic_history_marks_the_longer_bar():
    bars = BarSet(exchange="binance", symbol="BTC/USDT", timeframes=("1m", "3m"))
    bars.resume()
    bars.seed([minute(-3), minute(-2, source="synthetic"), minute(-1)], [], assume_complete=True)
    bars.interrupt()
    three = bars.forming()
    assert three == []
    bars = BarSet(exchange="binance", symbol="BTC/USDT", timeframes=("1m", "3m"))
    bars.resume()
    bars.add(trade(100, at=T0 + SECOND))
    out = bars.seed([minute(0, source="synthetic"), minute(1), minute(2)], [])
    assert [(bar.timeframe, bar.source) for bar in out][-1] == ("3m", "synthetic")


def test_forming_bars_are_the_same_however_often_they_are_asked_for():
    rng = random.Random(7)
    asked, unasked = watched("1m", "3m", "1h", "4h"), watched("1m", "3m", "1h", "4h")
    for number in range(500):
        event = trade(100 + rng.random(), at=T0 + 100 * MINUTE + number * 7 * SECOND, id=number, size=rng.random())
        for bars in (asked, unasked):
            bars.add(event)
        if number == 250:
            # History brings older minutes of the longer forming bars.
            for bars in (asked, unasked):
                bars.seed([minute(number, close=130.0) for number in range(100)], [], assume_complete=True)
            assert asked.forming() == unasked.forming()
        asked.forming()
    forming = asked.forming()
    assert forming == unasked.forming()
    assert [bar.timeframe for bar in forming] == ["1m", "3m", "1h", "4h"]
    assert forming[-1].trades > forming[0].trades


def test_bars_beyond_four_hours_are_refused():
    with pytest.raises(ValueError, match="four hours"):
        BarSet(exchange="binance", symbol="BTC/USDT", timeframes=("1m", "1d"))


@given(st.integers(0, 2**32), st.integers(1, 200))
def test_volume_is_neither_lost_nor_invented(seed, count):
    """Whatever the prints, the closed minutes and the forming one hold all of them; 5m bars agree with 1m bars."""
    rng = random.Random(seed)
    bars = watched("1m", "5m")
    at, out, total = T0, [], 0.0
    for number in range(count):
        at += rng.randrange(0, 2 * MINUTE)
        size = float(rng.randrange(1, 10))
        total += size
        out += bars.add(trade(float(rng.randrange(90, 110)), at=at, id=number, size=size))
    out += bars.advance(at + 2 * MINUTE)
    minutes = [bar for bar in out if bar.timeframe == "1m"]
    assert sum(bar.volume for bar in minutes) == total
    assert [bar.ts_open for bar in minutes] == list(range(T0, minutes[-1].ts_close, MINUTE))
    for five in (bar for bar in out if bar.timeframe == "5m"):
        parts = [bar for bar in minutes if five.ts_open <= bar.ts_open < five.ts_close]
        assert five.volume == sum(bar.volume for bar in parts)
        assert (five.high, five.low) == (max(bar.high for bar in parts), min(bar.low for bar in parts))


def test_a_minute_is_not_whole_when_the_socket_opened_before_it_and_its_first_prints_came_late():
    bars = watched()
    bars.add(trade(100, at=T0 + 10 * SECOND, id=1))
    bars.interrupt()
    bars.resume(from_ns=T0 + 69 * SECOND)
    # The venue agrees to the subscription only now: prints 2 to 4 of the new minute were never sent to us.
    assert bars.advance(T0 + MINUTE + SECOND) == []
    bars.add(trade(105, at=T0 + 63 * SECOND, id=5))
    assert bars.advance(T0 + 2 * MINUTE + SECOND) == []
    assert bars.needs_history
    bars.add(trade(106, at=T0 + 2 * MINUTE + 2 * SECOND, id=6))
    (bar,) = bars.advance(T0 + 3 * MINUTE + SECOND)
    assert bar.ts_open == T0 + 2 * MINUTE


def test_a_print_heard_before_a_minute_shows_that_it_is_whole():
    bars = watched()
    bars.interrupt()
    bars.resume(from_ns=T0 + 69 * SECOND)
    bars.add(trade(100, at=T0 + 59 * SECOND, id=1))
    bars.advance(T0 + MINUTE + SECOND)
    bars.add(trade(105, at=T0 + 63 * SECOND, id=2))
    (bar,) = bars.advance(T0 + 2 * MINUTE + SECOND)
    assert (bar.ts_open, bar.trades) == (T0 + MINUTE, 1)


def test_a_quiet_symbol_has_whole_minutes_a_while_after_it_was_subscribed():
    bars = watched()
    bars.add(trade(100, at=T0 + 10 * SECOND, id=1))
    bars.interrupt()
    bars.resume(from_ns=T0 + 30 * SECOND)
    bars.advance(T0 + MINUTE + SECOND)
    bars.seed([minute(number) for number in range(-60, 1)], [])
    (bar,) = [bar for bar in bars.advance(T0 + 2 * MINUTE + SECOND) if bar.ts_open == T0 + MINUTE]
    assert bar.trades == 0


@pytest.mark.parametrize("ahead_ns", [10 * MINUTE, 10**18])
def test_a_print_from_the_future_does_not_keep_the_others_out(ahead_ns: int):
    bars = BarSet(exchange="binance", symbol="BTC/USDT", timeframes=["1m"])
    bars.resume()
    bars.add(trade(100, at=T0 + ahead_ns, id=1))
    assert bars.advance(T0 + SECOND) == []
    bars.add(trade(100, at=T0 + 2 * SECOND, id=2))
    bars.seed(
        [minute(number) for number in range(-5, 0)],
        [trade(99, at=T0 - SECOND, id=0), trade(100, at=T0 + 2 * SECOND, id=2)],
    )
    (bar,) = bars.add(trade(105, at=T0 + MINUTE, id=3))
    assert (bar.ts_open, bar.trades, bar.closed) == (T0, 1, True)
