"""What is true at a venue: a book that drifts, its prints and its minutes, in whole ticks and lots."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

NS_PER_MS = 1_000_000
MINUTE_MS = 60_000
_LEVELS = 160
_HISTORY_MINUTES = 40
# Levels this near to the best one change; all of them are within what every venue sends.
_BUSY = 14

Side = dict[int, int]
# (price, size) as floats, best first.
Top = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """`buys`: the taker bought. Price in ticks, size in lots."""

    id: int
    price: int
    size: int
    buys: bool
    time_ms: int


@dataclass(slots=True, kw_only=True)
class Minute:
    open_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    trades: int = 0

    def add(self, each: Print) -> None:
        self.high, self.low, self.close = max(self.high, each.price), min(self.low, each.price), each.price
        self.volume += each.size
        self.trades += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Changes are (is_bid, price, new size) in the order in which they happened, numbered from `first_sequence`."""

    time_ms: int
    first_sequence: int
    last_sequence: int
    changes: tuple[tuple[bool, int, int], ...]
    prints: tuple[Print, ...]


@dataclass(slots=True, kw_only=True)
class Truth:
    """The best 20 levels of both sides: after each step, by the venue's millisecond, and after each single change."""

    by_ms: dict[int, tuple[Top, Top]] = field(default_factory=dict)
    by_sequence: dict[int, tuple[Top, Top]] = field(default_factory=dict)


class Market:
    """One symbol. `lot`: base units in one lot. Steps are never of the same millisecond."""

    def __init__(
        self, *, symbol: str, venue_symbol: str, price: int, tick: Decimal, lot: Decimal, seed: int, now_ms: int
    ) -> None:
        self.symbol = symbol
        self.venue_symbol = venue_symbol
        self.tick = tick
        self.lot = lot
        self.bids: Side = {}
        self.asks: Side = {}
        self.sequence = 1_000
        self.prints: list[Print] = []
        self.truth = Truth()
        # As many of each side as its stream shows.
        self.streamed_levels = 20
        self._rng = random.Random(seed)
        self._trade_id = 5_000
        self.time_ms = now_ms
        self.minutes = [
            Minute(open_ms=open_ms, open=price, high=price, low=price, close=price, volume=1, trades=1)
            for open_ms in range(
                now_ms // MINUTE_MS * MINUTE_MS - _HISTORY_MINUTES * MINUTE_MS,
                now_ms // MINUTE_MS * MINUTE_MS,
                MINUTE_MS,
            )
        ]
        for side, sign in ((self.bids, -1), (self.asks, 1)):
            at = price
            while len(side) < _LEVELS:
                at += sign * self._rng.randint(1, 3)
                side[at] = self._size()
        self._remember()

    def best(self, levels: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Bids and asks, best first, in ticks and lots."""
        bids = [(price, self.bids[price]) for price in sorted(self.bids, reverse=True)[:levels]]
        return bids, [(price, self.asks[price]) for price in sorted(self.asks)[:levels]]

    def price_text(self, ticks: int) -> str:
        return str(ticks * self.tick)

    def size_text(self, lots: int) -> str:
        return str(lots * self.lot)

    def price(self, ticks: int) -> float:
        return float(ticks * self.tick)

    def size(self, lots: int) -> float:
        return float(lots * self.lot)

    def step(self, now_ms: int) -> Step:
        """Let something happen: one to three changes, and now and then a print."""
        self.time_ms = max(self.time_ms + 1, now_ms)
        first = self.sequence + 1
        changes: list[tuple[bool, int, int]] = []
        prints = []
        if self._rng.random() < 0.35:
            prints.append(self._trade(changes))
        for _ in range(self._rng.randint(1, 2)):
            self._reprice(changes)
        self._deepen(changes)
        self._remember()
        return Step(
            time_ms=self.time_ms,
            first_sequence=first,
            last_sequence=self.sequence,
            changes=tuple(changes),
            prints=tuple(prints),
        )

    def bars(self, seconds: int) -> list[Minute]:
        """Bars of so many seconds, oldest first, the last one forming."""
        bars: list[Minute] = []
        for minute in self.minutes:
            open_ms = minute.open_ms // (seconds * 1000) * seconds * 1000
            if not bars or bars[-1].open_ms != open_ms:
                bars.append(
                    Minute(
                        open_ms=open_ms, open=minute.open, high=minute.high, low=minute.low, close=minute.close,
                        volume=minute.volume, trades=minute.trades,
                    )
                )  # fmt: skip
                continue
            bar = bars[-1]
            bar.high, bar.low, bar.close = max(bar.high, minute.high), min(bar.low, minute.low), minute.close
            bar.volume += minute.volume
            bar.trades += minute.trades
        return bars

    def _size(self) -> int:
        return self._rng.randint(2, 500)

    def _set(self, changes: list[tuple[bool, int, int]], is_bid: bool, price: int, size: int) -> None:
        side = self.bids if is_bid else self.asks
        if size:
            side[price] = size
        else:
            del side[price]
        self.sequence += 1
        changes.append((is_bid, price, size))
        self.truth.by_sequence[self.sequence] = self.top(20)

    def _trade(self, changes: list[tuple[bool, int, int]]) -> Print:
        """Somebody takes all or a part of the best level."""
        buys = self._rng.random() < 0.5
        price = min(self.asks) if buys else max(self.bids)
        there = (self.asks if buys else self.bids)[price]
        taken = there if self._rng.random() < 0.4 else self._rng.randint(1, there)
        self._set(changes, not buys, price, there - taken)
        self._trade_id += 1
        found = Print(id=self._trade_id, price=price, size=taken, buys=buys, time_ms=self.time_ms)
        self.prints.append(found)
        self._count(found)
        return found

    def _count(self, each: Print) -> None:
        open_ms = each.time_ms // MINUTE_MS * MINUTE_MS
        while self.minutes[-1].open_ms < open_ms:
            close = self.minutes[-1].close
            following_ms = self.minutes[-1].open_ms + MINUTE_MS
            price = each.price if following_ms == open_ms else close
            self.minutes.append(Minute(open_ms=following_ms, open=price, high=price, low=price, close=price))
        self.minutes[-1].add(each)

    def _reprice(self, changes: list[tuple[bool, int, int]]) -> None:
        is_bid = self._rng.random() < 0.5
        side = self.bids if is_bid else self.asks
        bid, ask = max(self.bids), min(self.asks)
        kind = self._rng.random()
        if kind < 0.3 and ask - bid > 1:
            # Somebody offers more than the best one.
            self._set(changes, is_bid, bid + 1 if is_bid else ask - 1, self._size())
            return
        price = self._rng.choice(sorted(side, reverse=is_bid)[:_BUSY])
        self._set(changes, is_bid, price, 0 if kind > 0.75 else side[price] + self._rng.randint(1, 9))

    def _deepen(self, changes: list[tuple[bool, int, int]]) -> None:
        """Keep the book from running out at its far end."""
        for is_bid, side in ((True, self.bids), (False, self.asks)):
            while len(side) < _LEVELS:
                price = min(side) - 1 if is_bid else max(side) + 1
                self._set(changes, is_bid, price, self._size())

    def _remember(self) -> None:
        self.truth.by_ms[self.time_ms] = self.truth.by_sequence[self.sequence] = self.top(20)

    def top(self, levels: int) -> tuple[Top, Top]:
        bids, asks = self.best(levels)
        return self._floats(bids), self._floats(asks)

    def _floats(self, levels: Iterable[tuple[int, int]]) -> Top:
        return tuple((self.price(price), self.size(size)) for price, size in levels)
