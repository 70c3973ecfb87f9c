"""Which messages are stamped ahead of the clock: believed, one would make all that follows it "older"."""

SECOND_NS = 1_000_000_000
MAX_SKEW_NS = SECOND_NS // 2
# A venue's clock this far ahead of ours is a wrong timestamp, however often it comes.
MAX_AHEAD_NS = 60 * SECOND_NS
CONFIRMED_BY = 10


def is_from_future(ts_event: int, ts_init: int) -> bool:
    return ts_event - ts_init > MAX_AHEAD_NS


class Skew:
    """Refuses messages over 500 ms ahead of the moment of receipt, less what the venue's clock is ahead of ours.

    That lead begins at 0, and is what ten messages in a row agree on: a clock that was set is followed, a single wrong
    timestamp is not. Messages that are late are no matter of it.
    """

    __slots__ = ("_count", "_lead_ns", "_suspect_ns")

    def __init__(self) -> None:
        self._lead_ns = self._suspect_ns = self._count = 0

    def refuses(self, ts_event: int, ts_init: int) -> bool:
        ahead_ns = ts_event - ts_init
        if ahead_ns > MAX_AHEAD_NS:
            return True
        off_ns = max(ahead_ns, 0) - self._lead_ns
        if -MAX_SKEW_NS <= off_ns <= MAX_SKEW_NS:
            self._count = 0
            return False
        agrees = self._count > 0 and abs(ahead_ns - self._suspect_ns) <= MAX_SKEW_NS
        self._count = self._count + 1 if agrees else 1
        self._suspect_ns = ahead_ns
        if self._count < CONFIRMED_BY:
            return off_ns > 0
        self._lead_ns, self._count = max(ahead_ns, 0), 0
        return False
