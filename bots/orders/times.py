"""Between nanoseconds since the epoch and the database's timestamps, in UTC."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_NS = 86_400 * 1_000_000_000
# 1970-01-01 was a Thursday; weeks begin on Monday.
MONDAY_NS = 4 * DAY_NS


def to_datetime(ns: int) -> datetime:
    """To the microsecond, rounded down."""
    return EPOCH + timedelta(microseconds=ns // 1000)


def to_ns(at: datetime) -> int:
    since = at - EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def day_start_ns(ns: int) -> int:
    """Midnight UTC at or before."""
    return ns - ns % DAY_NS


def week_start_ns(ns: int) -> int:
    """Monday 00:00 UTC at or before."""
    return ns - (ns - MONDAY_NS) % (7 * DAY_NS)
