"""One synthetic market, moved forward slot by slot."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from marketdata.simulator.bars import EMPTY, BarQuery, MinuteCache, bar_of, wire
from marketdata.simulator.market import Best, Level, PublicTrade, TradeQuery, as_rows
from marketdata.simulator.noise import Floats, Ints, gauss, subseed
from marketdata.simulator.numbers import UNIT
from marketdata.simulator.path import FIRST_MINUTE, MINUTE_MS, Path, Trades
from marketdata.simulator.symbols import SymbolSpec
from marketdata.simulator.synthetic_book import SyntheticBook
from marketdata.simulator.tape import Tape

BID_TOUCHED, ASK_TOUCHED = 1, 2

# One thread for all markets' history: more would only take turns with the live ticks.
_HISTORIAN = ThreadPoolExecutor(max_workers=1, thread_name_prefix="historian")


@dataclass(slots=True, kw_only=True)
class Minute:
    """The prepared course of one minute, by slot."""

    number: int
    trades: Trades
    bid: list[int]
    spread: int
    # Place of the last trade at or before each slot, -1 before the first.
    last_trade: list[int]
    # What is still to come of the minute's move, for the book's imbalance, in [-1, 1].
    pressure: list[float]


@dataclass(slots=True, kw_only=True)
class Step:
    """What a slot changed."""

    time_ms: int
    trade: PublicTrade | None
    quote_changed: bool
    minute_closed: int | None


@dataclass(slots=True)
class Pending:
    """Levels changed since the last depth frame: price → sides touched."""

    first_id: int = 0
    touched: dict[int, int] = field(default_factory=dict)


class SyntheticMarket:
    """The market of one symbol; `advance` moves it to the next slot, everything else asks about now."""

    def __init__(
        self,
        spec: SymbolSpec,
        *,
        seed: int,
        rate: int,
        listed_ms: int,
        now_ms: int,
        path: Path | None = None,
    ) -> None:
        self.spec = spec
        self.rate = rate
        self.listed_ms = listed_ms
        self.path = path or Path(spec, seed=seed, rate=rate)
        self.slots_per_minute = 60 * rate
        self.tape = Tape(self.path, time_of=self.time_of, slots_per_minute=self.slots_per_minute, listed_ms=listed_ms)
        self.phase_ms = subseed(seed, spec.name, "phase") % max(1, 1000 // rate)
        self._book = SyntheticBook(spec, seed=seed, rate=rate)
        self._flicker_seed = subseed(seed, spec.name, "flicker")
        self._cache = MinuteCache(self.path)
        self._computing = asyncio.Lock()
        self._minutes: dict[int, Minute] = {}
        self.bid = self.ask = self.bid_size = self.ask_size = 0
        self._sizes: Ints = np.empty(0, dtype=np.int64)
        self.pending = Pending()
        # Ten ids a millisecond are more than the book ever uses, so a restart goes on above the last one.
        self.update_id = (now_ms - FIRST_MINUTE * MINUTE_MS) * 10
        self.slot = self.slot_at(now_ms)
        self._move_to(self.slot)
        self.pending = Pending(first_id=self.update_id + 1)
        minute, place = self._here()
        self.last_price = self._price_at(minute, place)

    # Time

    def slot_at(self, now_ms: int) -> int:
        """The last slot whose time has come."""
        minute, rest_ms = divmod(now_ms - self.phase_ms, MINUTE_MS)
        return minute * self.slots_per_minute + rest_ms * self.rate // 1000

    def time_of(self, slot: int) -> int:
        minute, place = divmod(slot, self.slots_per_minute)
        return minute * MINUTE_MS + -(-place * 1000 // self.rate) + self.phase_ms

    def now_ms(self) -> int:
        return self.time_of(self.slot)

    # Movement

    def advance(self) -> Step:
        """Go to the next slot."""
        before = self.slot // self.slots_per_minute
        self.slot += 1
        old = (self.bid, self.bid_size, self.ask, self.ask_size)
        self._move_to(self.slot)
        minute, place = self._here()
        trade = None
        done = minute.last_trade[place]
        if done >= 0 and int(minute.trades.slot[0, done]) == place:
            trade = self.tape.trade(minute.trades, 0, done)
            self.last_price = trade.price
        return Step(
            time_ms=self.now_ms(),
            trade=trade,
            quote_changed=old != (self.bid, self.bid_size, self.ask, self.ask_size),
            minute_closed=before if minute.number != before else None,
        )

    def skip_to(self, slot: int) -> None:
        """Jump over slots that nobody can be told about any more, for example after the process was suspended."""
        self.slot = slot
        self._move_to(slot)
        minute, place = self._here()
        self.last_price = self._price_at(minute, place)

    def prepare_ahead(self) -> None:
        """Compute the next minute now, so that all symbols need not do it in the same instant."""
        self._minute(self.slot // self.slots_per_minute + 1)

    def gap(self, factor: float, *, seconds: float) -> None:
        """Let the price jump at the next trade, and back after some seconds."""
        first = self.slot + 1
        self.path.gaps.append((first, first + max(1, round(seconds * self.rate)), float(np.log(factor))))
        self._minutes.clear()
        self._cache.forget(self.slot // self.slots_per_minute)

    def _here(self) -> tuple[Minute, int]:
        number, place = divmod(self.slot, self.slots_per_minute)
        return self._minute(number), place

    def _minute(self, number: int) -> Minute:
        minute = self._minutes.get(number)
        if minute is None:
            minute = self._minutes[number] = self._prepare(number)
            for old in [key for key in self._minutes if key < number - 2]:
                del self._minutes[old]
        return minute

    def _prepare(self, number: int) -> Minute:
        numbers = np.array([number], dtype=np.int64)
        trades = self.path.trades(numbers)
        slots = np.arange(self.slots_per_minute, dtype=np.int64)
        last_trade = np.searchsorted(trades.slot[0], slots, side="right") - 1
        tick = self.spec.tick / UNIT
        edges = np.array([number, number + 1], dtype=np.int64)
        ends = np.exp(self.path.anchors(edges) + self.path.shift(edges * self.slots_per_minute)) / tick
        middles: Floats = np.concatenate([ends[:1], trades.middle[0]])
        middle = middles[last_trade + 1]
        spread = int(trades.spread[0])
        # Quotes flicker between trades; at a trade they are those it was made at.
        flicker = 0.3 * spread * gauss(self._flicker_seed, number * self.slots_per_minute + slots)
        flicker[trades.slot[0]] = 0.0
        bid = self.path.best_bid(middle + flicker, np.array(spread))
        scale = self.spec.vol_bps * 1e-4 * ends[1]
        pressure = np.tanh(1.5 * (ends[1] - middle) / scale)
        return Minute(
            number=number,
            trades=trades,
            bid=bid.tolist(),
            spread=spread,
            last_trade=last_trade.tolist(),
            pressure=pressure.tolist(),
        )

    def _move_to(self, slot: int) -> None:
        minute, place = self._here()
        bid = minute.bid[place]
        ask = bid + minute.spread
        # The imbalance is renewed once a second; it would otherwise change every near level at every slot.
        lean = 0.5 * minute.pressure[place - place % self.rate]
        old_bid, old_ask = self.bid, self.ask
        old_levels = dict(self._levels()) if self._book.must_move(bid) else None
        old_sizes = self._sizes
        moved = self._book.follow(bid)
        self._sizes = self._book.sizes(slot=slot, bid=bid, ask=ask, bid_factor=1 + lean, ask_factor=1 - lean)
        self.bid, self.ask = bid, ask
        self.bid_size, self.ask_size = self._book.best_size(bid, slot), self._book.best_size(ask, slot + 3)
        if moved:
            self._note_all(old_levels or {})
        else:
            self._note(old_sizes, old_bid, old_ask)

    def _note(self, old_sizes: Ints, old_bid: int, old_ask: int) -> None:
        changed = np.flatnonzero(old_sizes != self._sizes)
        touched = self.pending.touched
        for price, old, new in zip(
            self._book.prices[changed].tolist(), old_sizes[changed].tolist(), self._sizes[changed].tolist(), strict=True
        ):
            sides = (BID_TOUCHED if old > 0 or new > 0 else 0) | (ASK_TOUCHED if old < 0 or new < 0 else 0)
            touched[price] = touched.get(price, 0) | sides
        for price, side in (
            (old_bid, BID_TOUCHED),
            (self.bid, BID_TOUCHED),
            (old_ask, ASK_TOUCHED),
            (self.ask, ASK_TOUCHED),
        ):
            touched[price] = touched.get(price, 0) | side
        self.update_id += 1 + len(changed)

    def _note_all(self, old_levels: dict[int, int]) -> None:
        new_levels = dict(self._levels())
        touched = self.pending.touched
        for price in old_levels.keys() | new_levels.keys():
            old, new = old_levels.get(price, 0), new_levels.get(price, 0)
            if old != new:
                sides = (BID_TOUCHED if old > 0 or new > 0 else 0) | (ASK_TOUCHED if old < 0 or new < 0 else 0)
                touched[price] = touched.get(price, 0) | sides
        self.update_id += 1 + len(new_levels)

    # Book

    def _levels(self) -> Iterator[tuple[int, int]]:
        """(price in ticks, signed size in steps) of every level."""
        present = np.flatnonzero(self._sizes)
        yield from zip(self._book.prices[present].tolist(), self._sizes[present].tolist(), strict=True)
        if self.bid:
            yield self.bid, self.bid_size
            yield self.ask, -self.ask_size

    def _size_at(self, price: int) -> int:
        """The signed size of one level."""
        if price == self.bid:
            return self.bid_size
        if price == self.ask:
            return -self.ask_size
        place = self._book.place_of(price)
        return 0 if place is None else int(self._sizes[place])

    def depth_changes(self) -> tuple[int, int, list[Level], list[Level]] | None:
        """(first id, last id, bids, asks) changed since the last call; a size of 0 removes the level."""
        pending, self.pending = self.pending, Pending(first_id=self.update_id + 1)
        if not pending.touched:
            return None
        tick, step = self.spec.tick, self.spec.step
        bids, asks = [], []
        for price, sides in pending.touched.items():
            size = self._size_at(price)
            if sides & BID_TOUCHED:
                bids.append((price * tick, max(0, size) * step))
            if sides & ASK_TOUCHED:
                asks.append((price * tick, max(0, -size) * step))
        return pending.first_id, self.update_id, sorted(bids, reverse=True), sorted(asks)

    def best(self) -> Best:
        tick, step = self.spec.tick, self.spec.step
        return Best(
            bid=self.bid * tick, bid_size=self.bid_size * step, ask=self.ask * tick, ask_size=self.ask_size * step
        )

    def bids(self, limit: int) -> list[Level]:
        tick, step = self.spec.tick, self.spec.step
        levels = sorted(((price, size) for price, size in self._levels() if size > 0), reverse=True)[:limit]
        return [(price * tick, size * step) for price, size in levels]

    def asks(self, limit: int) -> list[Level]:
        tick, step = self.spec.tick, self.spec.step
        levels = sorted((price, -size) for price, size in self._levels() if size < 0)[:limit]
        return [(price * tick, size * step) for price, size in levels]

    # Tape

    def _price_at(self, minute: Minute, place: int) -> int:
        done = minute.last_trade[place]
        if done >= 0:
            return int(minute.trades.price[0, done]) * self.spec.tick
        return int(self._minute(minute.number - 1).trades.price[0, -1]) * self.spec.tick

    def trades(self, query: TradeQuery) -> list[PublicTrade]:
        here, place = self._here()
        done = here.last_trade[place]
        if query.limit <= done and query == TradeQuery(limit=query.limit):
            return [self.tape.trade(here.trades, 0, index) for index in range(done - query.limit + 1, done + 1)]
        return self.tape.find(query, newest=here.number * self.path.trades_per_minute + done)

    # Beside the path, for bursts

    def print_again(self) -> PublicTrade:
        """One more trade of the smallest size at the last price. Later trades' ids move up by one."""
        minute, place = self._here()
        self.tape.extra += 1
        return PublicTrade(
            id=self.tape.number(minute.number, minute.last_trade[place]),
            price=self.last_price,
            quantity=self.spec.step,
            time_ms=self.now_ms(),
            buyer_is_maker=self.tape.extra % 2 == 0,
        )

    def resize_best_bid(self) -> None:
        """Another size at the best bid, until the book moves on."""
        self.bid_size = self.bid_size % 1000 + 1
        self.pending.touched[self.bid] = self.pending.touched.get(self.bid, 0) | BID_TOUCHED
        self.update_id += 1

    # Bars

    def _minute_rows(self, first_ms: int, last_ms: int) -> Ints:
        here, place = self._here()
        open_ms = here.number * MINUTE_MS
        rows = self._cache.between(first_ms, min(last_ms, open_ms - 1))
        done = here.last_trade[place] + 1
        if done and first_ms <= open_ms <= last_ms:
            trades = here.trades
            sold = trades.buyer_is_maker[0, :done]
            rows = np.concatenate([rows, bar_of(open_ms, trades.price[0, :done], trades.quantity[0, :done], sold)])
        return rows

    async def prepare(self, query: BarQuery) -> None:
        """Compute what the query needs without holding up the event loop."""
        first, last = query.minutes(listed_ms=self.listed_ms, now_ms=self.now_ms())
        loop = asyncio.get_running_loop()
        # Clients ask for several intervals of one symbol at once: the second finds what the first computed.
        async with self._computing:
            for hours in self._cache.missing(first, last) if last >= first else []:
                self._cache.remember(hours, await loop.run_in_executor(_HISTORIAN, self._cache.compute, hours))

    def raw_bars(self, query: BarQuery) -> Ints:
        if self.now_ms() < self.listed_ms:
            return EMPTY
        return query.answer(listed_ms=self.listed_ms, now_ms=self.now_ms(), fetch=self._minute_rows)

    def bars(self, query: BarQuery) -> list[list[object]]:
        return [wire(row, self.spec) for row in as_rows(self.raw_bars(query))]
