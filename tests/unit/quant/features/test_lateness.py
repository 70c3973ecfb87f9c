import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.features.lateness import Lateness

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def lateness(delays_ms, *, every_s=1.0, start=START):
    stream = Lateness()
    for i, delay in enumerate(delays_ms):
        received = start + int(i * every_s * SECOND)
        stream.update(received - int(delay * 1_000_000), received)
    return stream.value_ms


def test_nothing_is_known_before_the_first_message():
    assert Lateness().value_ms is None
    assert lateness([0]) == 0.0


@pytest.mark.parametrize("offset", [-7000, 0, 7000])
def test_an_offset_of_the_clocks_is_nobodys_fault(offset):
    assert lateness([offset + 40 + i % 7 for i in range(300)]) == pytest.approx(0.0, abs=7.0)


def test_a_stream_that_falls_behind_is_late():
    assert lateness([40] * 60 + [840] * 15) == pytest.approx(800.0)


def test_one_slow_message_is_not_late_and_what_caught_up_is_not_either():
    assert lateness([40] * 60 + [2000]) == 0.0
    assert lateness([40] * 60 + [2000] * 30 + [40]) == 0.0


def test_a_clock_told_in_whole_seconds_is_not_blamed():
    assert lateness([40 + (i * 130) % 1000 for i in range(1000)], every_s=0.13) < 300.0


def test_after_ten_minutes_a_delay_is_the_usual_one():
    assert lateness([40] * 10 + [840] * 590) == pytest.approx(800.0)
    assert lateness([40] * 10 + [840] * 620) == 0.0


def test_a_long_silence_begins_anew():
    stream = Lateness()
    stream.update(START, START + 1)
    later = START + 3600 * SECOND
    stream.update(later - 5 * SECOND, later)
    assert stream.value_ms == 0.0


def test_messages_without_the_venues_time_are_left_out():
    stream = Lateness()
    stream.update(START, START)
    stream.update(0, START + 20 * SECOND)
    assert stream.value_ms == 0.0


@given(st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(-(10**9), 10**11)), max_size=80))
def test_it_is_never_below_zero(steps):
    stream, now = Lateness(), START
    for delay, step in steps:
        now += step
        stream.update(now - delay, now)
        assert stream.value_ms is None or stream.value_ms >= 0.0
