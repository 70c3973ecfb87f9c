"""Late data, or a clock that was set? The venue's REST tells what time it is there, apart from its stream."""

import asyncio
import time
from collections.abc import Callable, Iterable

import structlog

from marketdata.clock import VenueClock
from marketdata.exchanges.adapter import Rest, VenueError
from marketdata.feed.followed import Followed

log = structlog.get_logger(__name__)

# Clocks drift by milliseconds in a minute.
_EVERY_S = 60.0
# While records come late the venue is asked soon, then less and less often.
_LATE_EVERY_S = 1.0
_LOOK_EVERY_S = 0.25
# Answers take this long to be of no use.
_SLOW_S = 5.0


class ClockCheck:
    """Asks the venue for its time. `step_ms`: in what steps it is told. `now_ns` is our clock."""

    def __init__(
        self, *, rest: Rest, clock: VenueClock, step_ms: float, every_s: float = _EVERY_S,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        self._rest = rest
        self._clock = clock
        self._half_step_ns = int(step_ms * 1e6 / 2)
        self._every_s = max(every_s, _EVERY_S)
        self._now_ns = now_ns

    async def run(self, followed: Callable[[], Iterable[Followed]]) -> None:
        """Ask once a minute, and sooner while records come late, until cancelled."""
        late_every_s = _LATE_EVERY_S
        while True:
            await self.ask()
            asked_s = time.monotonic()
            while True:
                await asyncio.sleep(_LOOK_EVERY_S)
                since_s = time.monotonic() - asked_s
                is_late = any(item.stream.is_late for item in followed())
                if not is_late and since_s > _LATE_EVERY_S:
                    late_every_s = _LATE_EVERY_S
                if since_s > (late_every_s if is_late else self._every_s):
                    break
            late_every_s = min(2 * late_every_s, self._every_s)

    async def ask(self) -> None:
        """Tell the clock between what two the venue's time is. Without an answer, or a time in it, nothing is learned."""
        before_ns = self._now_ns()
        try:
            venue_ns = await self._rest.server_time_ns()
        except VenueError as error:
            log.debug("[WS] the venue does not tell its time", error=str(error))
            return
        after_ns = self._now_ns()
        if venue_ns and 0 <= after_ns - before_ns <= _SLOW_S * 1e9:
            self._clock.witness(
                least_ns=before_ns - venue_ns - self._half_step_ns, most_ns=after_ns - venue_ns + self._half_step_ns
            )
