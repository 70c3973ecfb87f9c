"""Slow observations beside a recording: what was stored before its first moment, and what came during it."""

import asyncio
from collections.abc import Callable, Sequence

from bots.engine.past_observations import DAY_NS, SECOND_NS, observations_between, past_observations
from marketdata.events import Headline
from marketdata.sources.kinds import SlowEvent

# Statistics are of five minutes and told after their end.
TOLD_AFTER_NS = 300 * SECOND_NS

Load = Callable[[str, int, int], list[SlowEvent]]


def known_at(event: SlowEvent) -> int:
    """When it was known: at first sight, or, of what was fetched long after, when it would have been told."""
    seen_ns, at_ns = event.ts_init, event.ts_event
    if isinstance(event, Headline) or 0 <= seen_ns - at_ns <= DAY_NS:
        return max(seen_ns, at_ns)
    return at_ns + TOLD_AFTER_NS


class ObservationTape:
    """The observations of an asset in the order in which they were known; days are read as they are reached."""

    def __init__(self, asset: str, *, start_ns: int, load: Load = observations_between) -> None:
        self._asset = asset
        self._start_ns = start_ns
        self._load = load
        self._read_to_ns = start_ns - DAY_NS
        self._waiting: list[SlowEvent] = []
        self.given = 0

    async def before(self) -> Sequence[SlowEvent]:
        """What a live engine would have begun with."""
        past = await asyncio.to_thread(past_observations, self._asset, self._start_ns)
        return [event for event in past if known_at(event) < self._start_ns]

    async def until(self, now_ns: int) -> Sequence[SlowEvent]:
        """Those that became known since the last call, oldest first."""
        while self._read_to_ns <= now_ns:
            end_ns = self._read_to_ns + DAY_NS
            found = await asyncio.to_thread(self._load, self._asset, self._read_to_ns, end_ns)
            self._waiting += [event for event in found if known_at(event) >= self._start_ns]
            self._waiting.sort(key=lambda event: (known_at(event), event.ts_event, type(event).__name__))
            self._read_to_ns = end_ns
        due = 0
        while due < len(self._waiting) and known_at(self._waiting[due]) <= now_ns:
            due += 1
        now, self._waiting = self._waiting[:due], self._waiting[due:]
        self.given += len(now)
        return now
