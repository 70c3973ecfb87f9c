"""Bars: minutes aggregated from trades, longer intervals from minutes, and the venue's rules for asking for them.

A bar is a row of eleven whole numbers: open time in ms, open, high, low, close in ticks, volume in steps, quote volume
in tick·steps, number of trades, volume and quote volume bought by takers, close time in ms.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from marketdata.simulator.errors import VenueError
from marketdata.simulator.noise import Ints
from marketdata.simulator.numbers import UNIT, fmt
from marketdata.simulator.path import MINUTE_MS, Path, Trades
from marketdata.simulator.symbols import SymbolSpec

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
INTERVALS_MS = {
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "6h": 6 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": 7 * DAY,
}
# The epoch was a Thursday; weeks open on Monday.
_WEEK_SHIFT_MS = 4 * DAY
COLUMNS = 11
EMPTY: Ints = np.empty((0, COLUMNS), dtype=np.int64)


def interval_ms(name: str) -> int:
    if name not in INTERVALS_MS:
        raise VenueError(-1120, "Invalid interval.")
    return INTERVALS_MS[name]


def minute_bars(trades: Trades) -> Ints:
    """One bar for each minute, shape (minutes, 11)."""
    price, quantity = trades.price, trades.quantity
    value = price * quantity
    bought = ~trades.buyer_is_maker
    opened = trades.minute * MINUTE_MS
    return np.stack(
        [
            opened,
            price[:, 0],
            price.max(axis=1),
            price.min(axis=1),
            price[:, -1],
            quantity.sum(axis=1),
            value.sum(axis=1),
            np.full(len(price), price.shape[1]),
            (quantity * bought).sum(axis=1),
            (value * bought).sum(axis=1),
            opened + MINUTE_MS - 1,
        ],
        axis=1,
    )


def bar_of(opened_ms: int, price: Ints, quantity: Ints, sold: np.ndarray) -> Ints:
    """The one bar of these trades (at least one), shape (1, 11)."""
    value, bought = price * quantity, ~sold
    row = [
        opened_ms, price[0], price.max(), price.min(), price[-1], quantity.sum(), value.sum(), len(price),
        (quantity * bought).sum(), (value * bought).sum(), opened_ms + MINUTE_MS - 1,
    ]  # fmt: skip
    return np.array([row], dtype=np.int64)


def aggregate(minutes: Ints, width_ms: int) -> Ints:
    """Bars of a longer interval; an incomplete last one ends at its nominal close time."""
    if width_ms == MINUTE_MS or not len(minutes):
        return minutes
    shift = _WEEK_SHIFT_MS if width_ms == 7 * DAY else 0
    bucket = (minutes[:, 0] - shift) // width_ms
    starts = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    ends = np.append(starts[1:], len(minutes)) - 1
    opened = bucket[starts] * width_ms + shift
    summed = np.add.reduceat(minutes[:, 5:10], starts, axis=0)
    return np.column_stack(
        [
            opened,
            minutes[starts, 1],
            np.maximum.reduceat(minutes[:, 2], starts),
            np.minimum.reduceat(minutes[:, 3], starts),
            minutes[ends, 4],
            summed,
            opened + width_ms - 1,
        ]
    )


class MinuteCache:
    """Minute bars of a path, computed an hour at a time and remembered."""

    def __init__(self, path: Path, *, hours: int = 1000) -> None:
        self._path = path
        self._hours: OrderedDict[int, Ints] = OrderedDict()
        self._limit = hours

    def between(self, first_ms: int, last_ms: int) -> Ints:
        """Bars opening in [first_ms, last_ms]."""
        if last_ms < first_ms:
            return EMPTY
        first, last = first_ms // HOUR, last_ms // HOUR
        for chunk in self.missing(first_ms, last_ms):
            self.remember(chunk, self.compute(chunk))
        rows = np.concatenate([self._hours[hour] for hour in range(first, last + 1)])
        while len(self._hours) > self._limit:
            self._hours.popitem(last=False)
        return rows[(rows[:, 0] >= first_ms) & (rows[:, 0] <= last_ms)]

    def forget(self, minute: int) -> None:
        """What was computed from this minute on, because the path changed."""
        for hour in [hour for hour in self._hours if hour >= minute // 60]:
            del self._hours[hour]

    def missing(self, first_ms: int, last_ms: int) -> list[list[int]]:
        """The hours not computed yet, a few at a time."""
        hours = [hour for hour in range(first_ms // HOUR, last_ms // HOUR + 1) if hour not in self._hours]
        return [hours[place : place + 12] for place in range(0, len(hours), 12)]

    def compute(self, hours: list[int]) -> list[Ints]:
        """The bars of these hours. Touches no state, so it may run in another thread."""
        minutes = (np.array(hours, dtype=np.int64)[:, None] * 60 + np.arange(60)).ravel()
        return np.split(minute_bars(self._path.trades(minutes)), len(hours))

    def remember(self, hours: list[int], bars: list[Ints]) -> None:
        self._hours.update(zip(hours, bars, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class BarQuery:
    """What a client asked for; the rules are those of GET /api/v3/klines."""

    width_ms: int
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int = 500

    def minutes(self, *, listed_ms: int, now_ms: int) -> tuple[int, int]:
        """The first and last minute that can matter."""
        shift = _WEEK_SHIFT_MS if self.width_ms == 7 * DAY else 0
        last_open = now_ms if self.end_ms is None else min(self.end_ms, now_ms)
        last_bar = (last_open - shift) // self.width_ms * self.width_ms + shift
        if self.start_ms is None:
            # One more than asked for: the newest may have no trade yet.
            first_bar = last_bar - self.limit * self.width_ms
        else:
            first_bar = -((shift - self.start_ms) // self.width_ms) * self.width_ms + shift
            last_bar = min(last_bar, first_bar + (self.limit - 1) * self.width_ms)
        return max(first_bar, listed_ms), min(last_bar + self.width_ms - 1, now_ms)

    def answer(self, *, listed_ms: int, now_ms: int, fetch: Callable[[int, int], Ints]) -> Ints:
        first, last = self.minutes(listed_ms=listed_ms, now_ms=now_ms)
        bars = aggregate(fetch(first, last), self.width_ms)
        return bars[-self.limit :] if self.start_ms is None else bars[: self.limit]


def wire(row: list[int], spec: SymbolSpec, *, ignored: str = "0") -> list[object]:
    """A bar as REST sends it; `ignored` is the twelfth field, which clients ignore."""
    prices = [fmt(tick * spec.tick) for tick in row[1:5]]
    return [
        row[0], *prices, fmt(row[5] * spec.step), row[10], quote_volume(row[6], spec), row[7],
        fmt(row[8] * spec.step), quote_volume(row[9], spec), ignored,
    ]  # fmt: skip


def quote_volume(tick_steps: int, spec: SymbolSpec) -> str:
    return fmt(tick_steps * spec.tick * spec.step // UNIT)
