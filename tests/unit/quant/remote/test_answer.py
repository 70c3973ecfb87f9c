"""Live feeds and candles become one answer."""

import pytest
from msgspec.structs import replace

from quant.reading import Component, Reading, missing
from quant.remote.answer import NAMES, answer, combined
from quant.remote.latest import LatestReading, LatestSignals
from quant.remote.question import read_question
from tests.unit.quant.remote.cast import NOW_MS, question, walk

NOW_NS = NOW_MS * 1_000_000


def live(*, age_s: float = 0.0, now_ns: int = NOW_NS, **values: float) -> LatestSignals:
    return LatestSignals(
        exchange="binance",
        symbol="BTC/USDT",
        now_ns=now_ns,
        readings={
            name: LatestReading(value=value, quality=1.0, as_of=now_ns - int(age_s * 1e9), max_age_s=60.0, grace_s=30.0)
            for name, value in values.items()
        },
    )


def ask(candles, latest, **fields):
    return answer(read_question(question(candles, **fields), now_ms=NOW_MS), latest, now_ms=NOW_MS)


def test_without_anything_all_is_null():
    assert ask([], None) == dict.fromkeys((*NAMES, "combined"))


def test_candles_alone_give_speed_volatility_and_the_combined():
    said = ask(walk(200), None)
    assert {name for name, value in said.items() if value is None} == {"microstructure", "oi", "options", "sentiment"}
    assert all(-1 <= value <= 1 for value in said.values() if value is not None)


def test_feeds_give_what_candles_cannot():
    said = ask([], live(microstructure=0.5, open_interest=-0.25))
    assert (said["microstructure"], said["oi"], said["speed"]) == (0.5, -0.25, None)
    assert said["combined"] == pytest.approx((0.15 * 0.5 - 0.10 * 0.25) / 0.25)


def test_speed_is_the_feeds_and_volatility_that_of_the_candles():
    said = ask(walk(200), live(speed=1.0, volatility=0.123))
    assert said["speed"] == 1.0
    assert said["volatility"] == ask(walk(200), None)["volatility"]
    assert ask(walk(10), live(volatility=0.123))["volatility"] == 0.123


def test_stale_feeds_say_nothing_and_old_ones_little():
    assert ask([], live(age_s=61, sentiment=1.0))["combined"] is None
    said = ask(
        [], replace(live(speed=1.0), readings=live(speed=1.0).readings | live(age_s=50, sentiment=-1.0).readings)
    )
    assert said["sentiment"] == -1.0
    assert said["combined"] == pytest.approx((0.15 - 0.05 * 0.5) / (0.15 + 0.05 * 0.5))


def test_feeds_say_nothing_about_other_days():
    assert ask([], live(speed=1.0), timestamp=NOW_MS - 301_000)["speed"] is None
    assert ask([], live(speed=1.0), timestamp=NOW_MS - 290_000)["speed"] == 1.0


def test_a_clock_that_is_a_little_off_ages_nothing():
    assert ask([], live(age_s=1, speed=1.0), timestamp=NOW_MS + 100_000)["speed"] == 1.0


def test_under_a_replay_the_recording_is_the_clock():
    then_ms = NOW_MS - 10 * 86_400_000
    assert ask([], live(now_ns=then_ms * 1_000_000, speed=1.0), timestamp=then_ms + 2000)["speed"] == 1.0
    assert ask([], live(now_ns=then_ms * 1_000_000, speed=1.0), timestamp=then_ms + 61_000)["speed"] is None


def test_technical_has_no_part_in_the_combined():
    reading = Reading(value=0.5, quality=1.0, as_of=0, n_obs=1)
    assert set(NAMES.values()) == set(Component) - {Component.TECHNICAL, Component.MODEL, Component.POLICY}
    assert combined({Component.SPEED: reading, Component.SENTIMENT: missing("none")}) == 0.5
