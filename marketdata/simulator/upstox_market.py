"""The markets of the simulated Upstox: a walk around the clock as a function of seed and time.

Times are the venue's, in milliseconds since the epoch. A bar lasts three minutes, moves by at most 20 points of the
Nifty 50 (other instruments in proportion), and trades 50,000 to 200,000. In each slot of a bar there is one print.
Prices are whole ticks.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from marketdata.simulator.noise import Floats, Ints, gauss, subseed, uniform

BAR_MS = 180_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000
# India's midnight is at 18:30 UTC, which is a whole bar.
IST_MS = 19_800_000
BARS_A_DAY = DAY_MS // BAR_MS
LEVELS = 5

_LEAST_VOLUME, _MOST_VOLUME = 50_000, 200_000
# Days keep to their level: 3.46 x 150 points is the farthest, so that no bar drifts by more than 2.2 points for it.
_DAY_POINTS = 150.0
_BAR_POINTS = 17.5
_WOBBLE_POINTS = 5.0
_MAX_POINTS = 20.0
_NIFTY = 24_500.0
_NO_CANDLES = np.empty((0, 6), dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstoxSpec:
    """An instrument of the simulated Upstox. `tick_paise` are hundredths of a rupee."""

    key: str
    trading_symbol: str
    name: str
    segment: str
    instrument_type: str
    price: float
    tick_paise: int
    freeze_quantity: int = 100_000

    @property
    def points(self) -> float:
        """What one point of the Nifty 50 is here, in ticks."""
        return self.price / _NIFTY * 100 / self.tick_paise


SPECS = (
    UpstoxSpec(
        key="NSE_INDEX|Nifty 50", trading_symbol="NIFTY", name="Nifty 50", segment="NSE_INDEX",
        instrument_type="INDEX", price=_NIFTY, tick_paise=5,
    ),
    UpstoxSpec(
        key="NSE_EQ|INE002A01018", trading_symbol="RELIANCE", name="RELIANCE INDUSTRIES LTD", segment="NSE_EQ",
        instrument_type="EQ", price=1_400.0, tick_paise=10,
    ),
    UpstoxSpec(
        key="NSE_EQ|INE040A01034", trading_symbol="HDFCBANK", name="HDFC BANK LTD", segment="NSE_EQ",
        instrument_type="EQ", price=1_000.0, tick_paise=5,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day in India, by bar and slot: prices in ticks, volumes, whether a seller crossed.

    `before` holds for each bar the day's (volume, turnover in ticks, highest, lowest) before it.
    """

    number: int
    price: Ints
    volume: Ints
    sold: np.ndarray
    before: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """How the market stands after a print: the day's volume, turnover (in ticks) and prices, and the book.

    `last_volume` is of the last of the trades that the print stands for.
    """

    time_ms: int
    price: int
    last_volume: int
    volume: int
    turnover: int
    opened: int
    high: int
    low: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


def day_of(time_ms: int) -> int:
    return (time_ms + IST_MS) // DAY_MS


class Slots:
    """`count` slots a bar, numbered from the epoch on, each with a print in its middle."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.offset_ms = (2 * np.arange(count, dtype=np.int64) + 1) * BAR_MS // (2 * count)

    def newest(self, time_ms: int) -> int:
        """The slot of the newest print."""
        bar, rest_ms = divmod(time_ms, BAR_MS)
        return bar * self.count + int(np.searchsorted(self.offset_ms, rest_ms, side="right")) - 1

    def time_ms(self, slot: int) -> int:
        bar, place = divmod(slot, self.count)
        return bar * BAR_MS + int(self.offset_ms[place])


class UpstoxMarket:
    """One instrument with `slots` prints a bar."""

    def __init__(self, spec: UpstoxSpec, *, seed: int, slots: int) -> None:
        self.spec = spec
        self.slots = slots
        self._seed = {
            name: subseed(seed, spec.key, name) for name in ("day", "bar", "wobble", "volume", "share", "side", "size")
        }
        self._slots = Slots(slots)
        self._newest_days = lru_cache(maxsize=2)(self._day)
        self._past_minutes = lru_cache(maxsize=64)(self._minutes)

    def print_at(self, time_ms: int) -> Print:
        """The newest print at `time_ms`, with the book after it."""
        day, bar, place = self._find(time_ms)
        number = (day.number * BARS_A_DAY + bar) * self.slots + place
        sizes = 1 + (uniform(self._seed["size"], number * 16 + np.arange(2 * LEVELS + 1)) * 1_000).astype(np.int64)
        price, volume = day.price[bar, : place + 1], day.volume[bar, : place + 1]
        last, spread = int(price[-1]), 1 + number % 3
        bid = last if day.sold[bar, place] else last - spread
        total, turnover, high, low = day.before[bar].tolist()
        return Print(
            time_ms=day.number * DAY_MS - IST_MS + bar * BAR_MS + int(self._slots.offset_ms[place]),
            price=last,
            last_volume=1 + int(sizes[-1]) * (int(volume[-1]) - 1) // 1_001,
            volume=total + int(volume.sum()),
            turnover=turnover + int((price.astype(np.int64) * volume).sum()),
            opened=int(day.price[0, 0]),
            high=max(high, int(price.max())),
            low=min(low, int(price.min())),
            bids=[(bid - level, int(sizes[level])) for level in range(LEVELS)],
            asks=[(bid + spread + level, int(sizes[LEVELS + level])) for level in range(LEVELS)],
        )

    def previous_close(self, time_ms: int) -> int:
        """The last price of the day before that of `time_ms`: where this day begins."""
        return self._ticks(np.array(self._level(day_of(time_ms)))).item()

    def candles(self, number: int, minutes: int, *, until_ms: int, since_ms: int = 0) -> Ints:
        """A day's (start, open, high, low, close, volume) with prints in [since_ms, until_ms], oldest first."""
        begin_ms = number * DAY_MS - IST_MS
        if since_ms <= begin_ms and until_ms >= begin_ms + DAY_MS:
            return _join(self._past_minutes(number), minutes)
        first = max(0, (since_ms - begin_ms) // BAR_MS)
        last = min(BARS_A_DAY, (until_ms - begin_ms) // BAR_MS + 1)
        if last <= first:
            return _NO_CANDLES
        rows = self._rows(self._newest_days(number), first, last)
        return _join(rows[(rows[:, 0] >= since_ms) & (rows[:, 0] <= until_ms)], minutes)

    def _minutes(self, number: int) -> Ints:
        """A whole past day's candles of one minute: small, unlike its prints."""
        return _join(self._rows(self._day(number), 0, BARS_A_DAY), 1)

    def _rows(self, day: Day, first: int, last: int) -> Ints:
        """The prints of some bars as candles of one print each."""
        begin_ms = day.number * DAY_MS - IST_MS
        time_ms = (begin_ms + np.arange(first, last)[:, None] * BAR_MS + self._slots.offset_ms).ravel()
        price = day.price[first:last].ravel()
        return np.stack([time_ms, price, price, price, price, day.volume[first:last].ravel()], axis=1)

    def _find(self, time_ms: int) -> tuple[Day, int, int]:
        """Day, bar and slot of the newest print."""
        bar, place = divmod(self._slots.newest(time_ms + IST_MS), self.slots)
        return self._newest_days(bar // BARS_A_DAY), bar % BARS_A_DAY, place

    def _ticks(self, points: Floats) -> Ints:
        base = self.spec.price * 100 / self.spec.tick_paise
        return np.rint(base + points * self.spec.points).astype(np.int32)

    def _level(self, number: int) -> float:
        """Where a day begins, in points from the instrument's price."""
        return float(gauss(self._seed["day"], np.array([number], dtype=np.int64))[0]) * _DAY_POINTS

    def _day(self, number: int) -> Day:
        bars = number * BARS_A_DAY + np.arange(BARS_A_DAY, dtype=np.int64)
        change = uniform(self._seed["bar"], bars) - 0.5
        change = 2 * _BAR_POINTS * (change - change.mean())
        change *= min(1.0, _BAR_POINTS / float(np.abs(change).max()))
        begin = self._level(number)
        change += (self._level(number + 1) - begin) / BARS_A_DAY
        start = begin + np.concatenate([[0.0], np.cumsum(change)[:-1]])
        slots = bars[:, None] * self.slots + np.arange(self.slots, dtype=np.int64)
        done = (np.arange(self.slots) + 1) / self.slots
        walk = np.cumsum(gauss(self._seed["wobble"], slots), axis=1) / np.sqrt(self.slots)
        offset = change[:, None] * done + _WOBBLE_POINTS * (walk - done * walk[:, -1:])
        # Half a tick of rounding at either end stays within the 20 points too.
        most = _MAX_POINTS - 1 / self.spec.points
        price = self._ticks(start[:, None] + np.clip(offset, -most, most))
        volume = self._volumes(bars, slots)
        return Day(
            number=number,
            price=price,
            volume=volume.astype(np.int32),
            sold=uniform(self._seed["side"], slots) < 0.5,
            before=_before(price, volume),
        )

    def _volumes(self, bars: Ints, slots: Ints) -> Ints:
        """A bar's volume split among its slots, at least one each."""
        spread = _MOST_VOLUME - _LEAST_VOLUME + 1
        total = _LEAST_VOLUME + (uniform(self._seed["volume"], bars) * spread).astype(np.int64)
        share = np.cumsum(np.exp(gauss(self._seed["share"], slots)), axis=1)
        upto = np.floor(share / share[:, -1:] * (total - self.slots)[:, None]).astype(np.int64)
        return np.asarray(1 + np.diff(upto, axis=1, prepend=0))


def _join(rows: Ints, minutes: int) -> Ints:
    """Candles of `minutes` from shorter ones, oldest first."""
    if not len(rows):
        return _NO_CANDLES
    starts = rows[:, 0] // (minutes * MINUTE_MS) * (minutes * MINUTE_MS)
    begins = np.flatnonzero(np.diff(starts, prepend=-1))
    ends = np.append(begins[1:], len(rows)) - 1
    columns = (
        starts[begins], rows[begins, 1], np.maximum.reduceat(rows[:, 2], begins),
        np.minimum.reduceat(rows[:, 3], begins), rows[ends, 4], np.add.reduceat(rows[:, 5], begins),
    )  # fmt: skip
    return np.stack(columns, axis=1)


def _before(price: Ints, volume: Ints) -> Ints:
    """(bars, 4): the day's volume, turnover, highest and lowest price before each bar."""
    first = price[0, 0]
    total = np.cumsum(volume.sum(axis=1))
    turnover = np.cumsum((price * volume).sum(axis=1))
    high, low = np.maximum.accumulate(price.max(axis=1)), np.minimum.accumulate(price.min(axis=1))
    columns = (total, turnover, high, low)
    starts = (0, 0, first, first)
    return np.stack([np.concatenate([[start], column[:-1]]) for start, column in zip(starts, columns, strict=True)], 1)
