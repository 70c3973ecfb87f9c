"""Request weights by address and orders by account; who goes on after a 429 is banned with a 418."""

from dataclasses import dataclass, field

from marketdata.simulator.errors import VenueError

ORDERS_10_S = 100
ORDERS_DAY = 200_000
VIOLATIONS_BEFORE_BAN = 10
FIRST_BAN_S = 120
LONGEST_BAN_S = 3 * 86_400


@dataclass(slots=True)
class Window:
    """A counter that starts again at every multiple of its width."""

    width_s: int
    started_s: int = 0
    used: int = 0

    def add(self, amount: int, now_s: int) -> int:
        start = now_s // self.width_s * self.width_s
        if start != self.started_s:
            self.started_s, self.used = start, 0
        self.used += amount
        return self.used

    def ends_in_s(self, now_s: int) -> int:
        return max(1, self.started_s + self.width_s - now_s)


@dataclass(slots=True)
class _Address:
    weight: Window = field(default_factory=lambda: Window(60))
    violations: int = 0
    ban_s: int = FIRST_BAN_S
    banned_until_s: int = 0


@dataclass(slots=True)
class _Orders:
    short: Window = field(default_factory=lambda: Window(10))
    day: Window = field(default_factory=lambda: Window(86_400))


class Limits:
    """The venue's counters."""

    def __init__(self, *, weight_per_minute: int = 6000) -> None:
        self.weight_per_minute = weight_per_minute
        self._addresses: dict[str, _Address] = {}
        self._orders: dict[int, _Orders] = {}

    def spend(self, address: str, weight: int, *, now_s: int) -> int:
        """Count a request and give the weight used in this minute. Raises VenueError with status 429 or 418."""
        state = self._addresses.setdefault(address, _Address())
        if now_s < state.banned_until_s:
            raise _banned(state.banned_until_s, now_s)
        used = state.weight.add(weight, now_s)
        if used <= self.weight_per_minute:
            if used == weight:
                state.violations = 0
            return used
        state.violations += 1
        if state.violations > VIOLATIONS_BEFORE_BAN:
            state.banned_until_s = now_s + state.ban_s
            state.ban_s = min(LONGEST_BAN_S, state.ban_s * 2)
            state.violations = 0
            raise _banned(state.banned_until_s, now_s)
        raise VenueError(
            -1003,
            f"Too much request weight used; current limit is {self.weight_per_minute} request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API.",
            status=429,
            retry_after_s=state.weight.ends_in_s(now_s),
        )

    def forget(self) -> None:
        """Begin anew with every address."""
        self._addresses.clear()

    def used(self, address: str) -> int:
        state = self._addresses.get(address)
        return state.weight.used if state else 0

    def ban(self, address: str, seconds: int, *, now_s: int) -> None:
        self._addresses.setdefault(address, _Address()).banned_until_s = now_s + seconds

    def count_order(self, account_id: int, *, now_s: int) -> tuple[int, int]:
        """Count a placed order; gives the numbers in 10 s and in the day. Raises -1015 above the limit."""
        state = self._orders.setdefault(account_id, _Orders())
        short, day = state.short.add(1, now_s), state.day.add(1, now_s)
        for used, limit, window in ((short, ORDERS_10_S, state.short), (day, ORDERS_DAY, state.day)):
            if used > limit:
                raise VenueError(
                    -1015,
                    f"Too many new orders; current limit is {limit} orders per {window.width_s} SECOND.",
                    status=429,
                    retry_after_s=window.ends_in_s(now_s),
                )
        return short, day


def describe(weight_per_minute: int) -> list[dict[str, object]]:
    """The limits as exchangeInfo lists them."""
    rows = (
        ("REQUEST_WEIGHT", "MINUTE", 1, weight_per_minute),
        ("ORDERS", "SECOND", 10, ORDERS_10_S),
        ("ORDERS", "DAY", 1, ORDERS_DAY),
    )
    return [
        {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
        for kind, interval, number, limit in rows
    ]


def _banned(until_s: int, now_s: int) -> VenueError:
    return VenueError(
        -1003,
        f"Way too much request weight used; IP banned until {until_s * 1000}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        status=418,
        retry_after_s=until_s - now_s,
    )
