"""The first day with real money."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bots.trading.going_live import go_live_factor

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "factor"),
    [
        (None, "1"), (NOW, "0.1"), (NOW - timedelta(hours=23, minutes=59), "0.1"), (NOW - timedelta(hours=24), "1"),
        (NOW + timedelta(minutes=1), "0.1"),
    ],
)  # fmt: skip
def test_limits_are_a_tenth_for_a_day(since, factor):
    assert go_live_factor(since, now=NOW) == Decimal(factor)
