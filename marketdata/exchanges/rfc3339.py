"""Times as venues write them (`2026-10-06T08:04:56.153890Z`), to the nanosecond.

Source: RFC 3339. `datetime` knows microseconds only, and costs more than a whole frame: what the seconds mean is
remembered, for many frames share them.
"""

from datetime import UTC, datetime
from itertools import takewhile

_NS_PER_S = 1_000_000_000
_MAX_SECONDS = 4_096
# By how much a fraction of so many digits is multiplied.
_SCALES: dict[int, int] = {digits: 10 ** (9 - digits) for digits in range(1, 10)}

# Whose nanoseconds a signed number of 64 bits holds.
_FIRST_YEAR, _LAST_YEAR = 1970, 2261

# By their text, up to the point.
_seconds: dict[str, int] = {}


def rfc3339_ns(text: str) -> int:
    """Nanoseconds since the epoch. Raises ValueError, also for a year before 1970 or after 2261."""
    fraction = text[20:-1]
    try:
        if text[-1] == "Z" and fraction.isdecimal():
            return _seconds[text[:20]] + int(fraction) * _SCALES[len(fraction)]
    except LookupError:
        # A second seen for the first time, or an odd form.
        _remember(text)
    return _any_form_ns(text)


def _remember(text: str) -> None:
    when = datetime.fromisoformat(text[:19])
    if text[19:20] != "." or when.tzinfo is not None:
        return
    if len(_seconds) >= _MAX_SECONDS:
        _seconds.clear()
    _seconds[text[:20]] = _seconds_of(when.replace(tzinfo=UTC)) * _NS_PER_S


def _any_form_ns(text: str) -> int:
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    fraction = "".join(takewhile(str.isdecimal, text[20:29])) if text[19:20] == "." else ""
    return _seconds_of(when) * _NS_PER_S + int(fraction.ljust(9, "0"))


def _seconds_of(when: datetime) -> int:
    check_year(when)
    return int(when.replace(microsecond=0).timestamp())


def check_year(when: datetime) -> None:
    """Raises ValueError for a time whose nanoseconds no record can hold."""
    if not _FIRST_YEAR <= when.year <= _LAST_YEAR:
        raise ValueError(f"the year of {when.isoformat()} is not in {_FIRST_YEAR} to {_LAST_YEAR}")
