"""How many requests a venue allows, and how much of that is kept for what matters more."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Scope(StrEnum):
    """Whose requests a limit counts together: everyone's at this address, or one account's."""

    VENUE = "venue"
    ACCOUNT = "account"


class Counts(StrEnum):
    """What a limit counts: the requests' costs, or placed orders."""

    COST = "cost"
    ORDERS = "orders"


class Priority(StrEnum):
    """What a request is for. Cancels may use all of a limit; exits, orders and questions leave some of it to them."""

    QUESTION = "question"
    ORDER = "order"
    EXIT = "exit"
    CANCEL = "cancel"

    @property
    def share(self) -> float:
        return _SHARES[self]


_SHARES = {Priority.QUESTION: 0.6, Priority.ORDER: 0.8, Priority.EXIT: 0.9, Priority.CANCEL: 1.0}


class Limit(Struct, frozen=True, kw_only=True):
    """At most `capacity` in any `window_s` seconds, whatever moment the venue begins to count at."""

    name: str
    window_s: int
    capacity: float
    scope: Scope = Scope.VENUE
    counts: Counts = Counts.COST

    @property
    def slice_s(self) -> int:
        """Width of the parts that a window is counted in."""
        return max(1, self.window_s // 60)


def used(slices: Iterable[tuple[int, float]], limit: Limit, now_s: float) -> float:
    """What was spent in slices, by the second they begin at, that may still lie in the venue's window."""
    oldest_s = now_s - limit.window_s - limit.slice_s
    return sum(spent for begun_s, spent in slices if begun_s > oldest_s)
