"""The first day with real money: limits are a tenth."""

from datetime import datetime, timedelta
from decimal import Decimal

RAMP = timedelta(hours=24)
RAMP_FACTOR = Decimal("0.1")
ONE = Decimal(1)


def go_live_factor(live_since: datetime | None, *, now: datetime) -> Decimal:
    """What of each limit on size (order value, position value, exposure) an account may use.

    live_since: when a live account went live; None for paper and sandbox accounts, whose limits are whole. A clock that
    went back does not end the day early.
    """
    if live_since is None or now - live_since >= RAMP:
        return ONE
    return RAMP_FACTOR
