"""When periods begin."""

from datetime import UTC, datetime

import pytest

from bots.queries.periods import Period, start_of

WEDNESDAY = datetime(2026, 4, 15, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "start"),
    [
        (Period.DAY, datetime(2026, 4, 15, tzinfo=UTC)),
        (Period.WEEK, datetime(2026, 4, 13, tzinfo=UTC)),
        (Period.MONTH, datetime(2026, 4, 1, tzinfo=UTC)),
        (Period.ALL, None),
    ],
)
def test_the_beginning_of_a_period(period, start):
    assert start_of(period, now=WEDNESDAY) == start
