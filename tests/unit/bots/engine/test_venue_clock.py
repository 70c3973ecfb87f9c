"""A machine whose clock is not its venue's: told at a quarter of a second, no entries from half a second on."""

import time
from typing import Any

import pytest

from bots.engine.venue_link import VenueLink
from bots.engine.venue_notices import VenueNotices
from bots.trading.limits import DEFAULT_CONTROLS


class Told:
    """A venue whose clock is ahead of this machine's."""

    def __init__(self, ahead_ms: int) -> None:
        self.ahead_ms = ahead_ms

    async def venue_time_ns(self) -> int:
        return time.time_ns() + self.ahead_ms * 1_000_000


@pytest.mark.parametrize("ahead_ms", [-60_000, 0, 60_000])
async def test_the_error_is_this_machines_clock_less_the_venues(ahead_ms: int) -> None:
    link: Any = VenueLink()
    await link.measure(Told(ahead_ms))
    # What the answer took is known to half of it.
    assert abs(link.clock_error_ms + ahead_ms) < 10_000


def notices(said: list[tuple[str, str]]) -> VenueNotices:
    found: Any = VenueNotices.__new__(VenueNotices)
    found._told = set()
    found._alert = lambda level, code, text: said.append((level, text.partition(" ms")[0].rpartition(" ")[2]))
    made: VenueNotices = found
    return made


def test_each_degree_is_said_once_and_again_after_it_was_right() -> None:
    said: list[tuple[str, str]] = []
    speaker = notices(said)
    for error_ms in (10.0, 251.0, -400.0, -501.0, 900.0, 0.0, 300.0):
        speaker.clock(error_ms, DEFAULT_CONTROLS)
    assert said == [("warning", "251"), ("error", "501"), ("warning", "300")]
