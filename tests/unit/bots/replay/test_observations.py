"""Slow observations beside a recording come when they were known, and none from the future."""

import itertools
from typing import Any

from bots.replay.observations import TOLD_AFTER_NS, ObservationTape, known_at
from marketdata.events import OpenInterest
from tests.unit.quant.market import START
from tests.unit.quant.slow_market import DAY, HOUR, MINUTE, headline, index


def interest(ts: int, seen: int | None = None) -> OpenInterest:
    return OpenInterest(exchange="b", symbol="BTC", contracts=1.0, ts_event=ts, ts_init=ts if seen is None else seen)


def test_what_was_seen_live_was_known_then() -> None:
    assert known_at(interest(START, START + MINUTE)) == START + MINUTE
    assert known_at(headline(START, "Bitcoin surges")) == START


def test_what_was_fetched_much_later_counts_from_when_it_would_have_been_told() -> None:
    assert known_at(interest(START, START + 500 * DAY)) == START + TOLD_AFTER_NS


async def test_the_tape_gives_each_once_and_never_early() -> None:
    stored = [interest(START + i * HOUR, START + i * HOUR + MINUTE) for i in range(-30, 60)]
    stored += [index(START + DAY, 20.0)]
    reads: list[tuple[int, int]] = []

    def load(asset: str, begin: int, end: int) -> list[Any]:
        assert asset == "BTC"
        reads.append((begin, end))
        return [event for event in stored if begin <= event.ts_event < end]

    tape = ObservationTape("BTC", start_ns=START, load=load)
    given: list[Any] = []
    for step in range(0, 50 * 60, 7):
        now = START + step * MINUTE
        fresh = await tape.until(now)
        assert all(known_at(event) <= now for event in fresh)
        given += fresh
    assert given == sorted(given, key=known_at)
    end = START + (50 * 60 - 5) * MINUTE
    wanted = [event for event in stored if START <= known_at(event) <= end]
    assert len(given) == len(wanted) == len({id(event) for event in given})
    assert all(one[1] == other[0] for one, other in itertools.pairwise(reads))
