"""The venue's clock: a midpoint, and no answer when it is not known."""

import asyncio

import pytest

from bots.brokers.ccxt.clock import VenueClock
from bots.brokers.venue import VenueUnavailable

SECOND_NS = 1_000_000_000


class Bench:
    """Our clock and the venue's, moved by hand; asking takes `there` and `back`."""

    def __init__(self, *, there_ms: int = 10, back_ms: int = 10, ahead_ms: int = 5_000) -> None:
        self.ns = 100 * SECOND_NS
        self.there_ms, self.back_ms, self.ahead_ms = there_ms, back_ms, ahead_ms
        self.asked = 0
        self.clock = VenueClock(self.ask, clock_ns=lambda: self.ns)

    @property
    def venue_ms(self) -> int:
        return self.ns // 1_000_000 + self.ahead_ms

    async def ask(self) -> int:
        self.asked += 1
        self.ns += self.there_ms * 1_000_000
        told = self.venue_ms
        self.ns += self.back_ms * 1_000_000
        return told


async def test_the_offset_is_measured_at_the_midpoint() -> None:
    bench = Bench()
    await bench.clock.measure()
    assert bench.clock.now_ms() == bench.venue_ms


async def test_uneven_ways_are_wrong_by_half_their_difference() -> None:
    bench = Bench(there_ms=10, back_ms=110)
    await bench.clock.measure()
    assert abs(bench.clock.now_ms() - bench.venue_ms) <= 51


async def test_reading_the_clock_asks_nothing() -> None:
    bench = Bench()
    await bench.clock.measure()
    for _ in range(100):
        bench.ns += SECOND_NS // 10
        assert bench.clock.now_ms() == bench.venue_ms
    assert bench.asked == 1


async def test_an_old_offset_is_not_told() -> None:
    bench = Bench()
    with pytest.raises(VenueUnavailable):
        bench.clock.now_ns()
    await bench.clock.measure()
    bench.ns += 66 * SECOND_NS
    with pytest.raises(VenueUnavailable):
        bench.clock.now_ns()


async def test_an_answer_that_took_too_long_measures_nothing() -> None:
    bench = Bench()
    await bench.clock.measure()
    before = bench.clock.now_ms() - bench.ns // 1_000_000
    bench.there_ms, bench.ahead_ms = 3_000, 9_000
    with pytest.raises(VenueUnavailable):
        await bench.clock.measure()
    assert bench.clock.now_ms() - bench.ns // 1_000_000 == before


async def test_doubt_measures_at_once_and_stopping_ends_it() -> None:
    bench = Bench()
    bench.clock.start()
    bench.clock.doubt()
    while bench.asked == 0:  # noqa: ASYNC110 - the measuring is a task of the clock
        await asyncio.sleep(0)
    # The event and the cancellation in one step: neither may be lost.
    bench.clock.doubt()
    async with asyncio.timeout(30):
        await bench.clock.stop()
