"""The venue's clock: ours, which never jumps, plus an offset measured by midpoint every 30 s. No request an order."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import structlog

from bots.brokers.ccxt.redact import redact
from bots.brokers.venue import VenueUnavailable

log = structlog.get_logger(__name__)

NS_PER_MS = 1_000_000
REFRESH_S = 30.0
RETRY_S = 2.0
# Two failed measurements later, the offset is not to be trusted.
MAX_AGE_S = 65.0
# A midpoint is wrong by half the round trip at most.
MAX_ROUND_TRIP_S = 1.5


def steady_ns() -> int:
    """Monotonic, and going on while the machine sleeps, where the system has such a clock."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic_ns() if clock is None else time.clock_gettime_ns(clock)


class VenueClock:
    """`ask_ms` asks the venue for its time in milliseconds."""

    def __init__(self, ask_ms: Callable[[], Awaitable[int]], *, clock_ns: Callable[[], int] = steady_ns) -> None:
        self._ask_ms = ask_ms
        self._clock_ns = clock_ns
        self._offset_ns: int | None = None
        self._measured_ns = 0
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def now_ns(self) -> int:
        """Raises VenueUnavailable when the offset was never measured, or too long ago."""
        now_ns = self._clock_ns()
        if self._offset_ns is None or now_ns - self._measured_ns > MAX_AGE_S * 1e9:
            raise VenueUnavailable("The venue's time is not known: it did not answer for a minute.")
        return now_ns + self._offset_ns

    def now_ms(self) -> int:
        return self.now_ns() // NS_PER_MS

    def best_ms(self) -> int:
        """For signing questions, also while the offset is old or missing."""
        offset_ns = self._offset_ns
        return (self._clock_ns() + offset_ns) // NS_PER_MS if offset_ns is not None else time.time_ns() // NS_PER_MS  # noqa: TID251

    async def measure(self) -> None:
        """Ask once. Raises what asking raises, and VenueUnavailable for an answer that took too long."""
        begun_ns = self._clock_ns()
        told_ms = await self._ask_ms()
        ended_ns = self._clock_ns()
        if ended_ns - begun_ns > MAX_ROUND_TRIP_S * 1e9:
            raise VenueUnavailable(f"The venue took {(ended_ns - begun_ns) / 1e9:.1f} s to tell its time.")
        # It told whole milliseconds: on average half of one was cut off.
        told_ns = told_ms * NS_PER_MS + NS_PER_MS // 2
        self._offset_ns = told_ns - (begun_ns + ended_ns) // 2
        self._measured_ns = ended_ns

    def start(self) -> None:
        self._task = asyncio.create_task(self._refresh(), name="venue-clock")

    def doubt(self) -> None:
        """The venue refused a time: measure now."""
        self._wanted.set()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _refresh(self) -> None:
        wait_s = REFRESH_S
        while True:
            # Not wait_for, which loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.measure()
                wait_s = REFRESH_S
            except Exception as error:  # noqa: BLE001 - the task must outlive whatever a venue answers
                wait_s = RETRY_S
                log.warning("broker.clock.failed", error=redact(error))
