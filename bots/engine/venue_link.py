"""The connection of one account with its venue, and the venue's clock."""

import time

from bots.brokers.venue import Venue

CLOCK_LIMIT_S = 90.0


class VenueLink:
    """`venue` is None while there is no connection."""

    def __init__(self) -> None:
        self.venue: Venue | None = None
        self._offset_ns: int | None = None
        self._measured_s = 0.0
        # This machine's clock less the venue's.
        self.clock_error_ms = 0.0

    async def measure(self, venue: Venue) -> None:
        """Take the venue's clock over, against the monotonic one. Raises VenueUnavailable."""
        before_ns = time.monotonic_ns()
        venue_ns = await venue.venue_time_ns()
        middle_ns = (before_ns + time.monotonic_ns()) // 2
        self._offset_ns = venue_ns - middle_ns
        self.clock_error_ms = (time.time_ns() - (time.monotonic_ns() - middle_ns) - venue_ns) / 1e6
        self._measured_s = time.monotonic()

    def time_ns(self) -> int | None:
        """The venue's clock; None while it is not known well enough to sign with."""
        if self.venue is None or self._offset_ns is None or time.monotonic() - self._measured_s > CLOCK_LIMIT_S:
            return None
        return time.monotonic_ns() + self._offset_ns

    def now_ms(self) -> int:
        """The venue's clock by the last measurement, however old: for delays between questions, never to sign with."""
        return (time.monotonic_ns() + (self._offset_ns or 0)) // 1_000_000
