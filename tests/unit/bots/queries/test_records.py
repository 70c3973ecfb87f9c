"""Money as text and times in UTC."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from bots.queries.records import decimal_text, nanoseconds_text, time_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("100.000000000000", "100"),
        ("0E-12", "0"),
        ("-0.500", "-0.5"),
        ("1E+3", "1000"),
        ("0.000000000001", "0.000000000001"),
    ],
)
def test_decimals_without_exponent_and_trailing_zeros(value, text):
    assert decimal_text(Decimal(value)) == text


def test_nothing_stays_nothing():
    assert (decimal_text(None), time_text(None)) == (None, None)


def test_times_are_in_utc():
    there = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert time_text(there) == "2026-01-01T00:00:00Z"
    moment = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 10**9 + 123_456_789
    assert nanoseconds_text(moment) == "2026-01-01T00:00:00.123456Z"
