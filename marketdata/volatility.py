"""How much a price moved in the last hour."""

from collections.abc import Sequence
from itertools import pairwise
from math import log, sqrt
from statistics import pstdev

from marketdata.events import Bar

_MINUTES_PER_YEAR = 365 * 24 * 60
_BARS = 60


def realised_volatility(minutes: Sequence[Bar]) -> float | None:
    """Annual volatility of the last hour of one-minute bars, as a fraction. None with less than two returns."""
    closes = [bar.close for bar in minutes][-_BARS - 1 :]
    if len(closes) <= 2:
        return None
    return pstdev([log(later / earlier) for earlier, later in pairwise(closes)]) * sqrt(_MINUTES_PER_YEAR)
