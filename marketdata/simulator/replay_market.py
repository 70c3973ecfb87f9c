"""A replayed market: what was played so far, and generated bars for the day before the recording."""

from math import gcd, log

import msgspec
import numpy as np

from marketdata.simulator.bars import BarQuery, MinuteCache, wire
from marketdata.simulator.capture import Capture, Frame, Snapshot
from marketdata.simulator.market import DAY_MS, Best, Level, PublicTrade, TradeQuery, as_rows
from marketdata.simulator.noise import Ints
from marketdata.simulator.path import MINUTE_MS, Path
from marketdata.simulator.replay_book import ReplayBook, units
from marketdata.simulator.symbols import CATALOG, SymbolSpec, split_id

SYNTHETIC = "synthetic"


class DepthEvent(msgspec.Struct):
    U: int
    u: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class TradeEvent(msgspec.Struct):
    t: int
    p: str
    q: str
    T: int
    m: bool


class QuoteEvent(msgspec.Struct):
    u: int
    b: str
    B: str
    a: str
    A: str


class _Depth(msgspec.Struct):
    data: DepthEvent


class _Trade(msgspec.Struct):
    data: TradeEvent


class _Quote(msgspec.Struct):
    data: QuoteEvent


class _Time(msgspec.Struct):
    E: int = 0


class _Timed(msgspec.Struct):
    data: _Time


_DEPTH, _TRADE = msgspec.json.Decoder(_Depth), msgspec.json.Decoder(_Trade)
_QUOTE, _TIMED = msgspec.json.Decoder(_Quote), msgspec.json.Decoder(_Timed)


def event_ms(frame: Frame) -> int:
    """The venue's time of a frame, zero for one without (bookTicker)."""
    return _TIMED.decode(frame.wrapped).data.E


class ReplayMarket:
    """One symbol of a capture; `apply` moves it by one frame."""

    def __init__(self, symbol_id: str, capture: Capture, *, snapshot: Snapshot | None, seed: int, rate: int) -> None:
        self._snapshot = snapshot
        own = [frame for frame in capture.frames if frame.stream.startswith(f"{symbol_id.lower()}@")]
        trades = [_TRADE.decode(frame.wrapped).data for frame in own if frame.stream.endswith("@trade")]
        self._first_price = units(trades[0].p) if trades else self._middle(own)
        self.spec = _spec(symbol_id, self._first_price, trades, snapshot)
        self._first_ms = next((time for time in map(event_ms, own) if time), capture.frames[0].receive_ns // 1_000_000)
        self._before = self._day_before(seed, rate)
        self._book = ReplayBook()
        self.reset()

    def reset(self) -> None:
        """Go back to before the first frame."""
        self._book.reset(self._snapshot)
        self.last_price = self._first_price
        self._time_ms = self._first_ms
        self._quote: QuoteEvent | None = None
        self._tape: list[PublicTrade] = []
        self._minutes: dict[int, list[int]] = {}

    def apply(self, frame: Frame) -> PublicTrade | None:
        """Take a frame in; gives the trade when it is one."""
        kind = frame.stream.split("@", 1)[1]
        if kind == "bookTicker":
            self._quote = _QUOTE.decode(frame.wrapped).data
        elif kind.startswith("depth@") or kind == "depth":
            depth = _DEPTH.decode(frame.wrapped).data
            self._book.apply(depth.u, depth.b, depth.a)
        elif kind == "trade":
            return self._print(_TRADE.decode(frame.wrapped).data)
        return None

    def tell_time(self, now_ms: int) -> None:
        self._time_ms = now_ms

    def now_ms(self) -> int:
        return self._time_ms

    # Book

    @property
    def update_id(self) -> int:
        return self._book.update_id

    def best(self) -> Best | None:
        """The last recorded quote, or the top of the book while it is newer."""
        quote = self._quote
        if quote is not None and quote.u >= self._book.update_id:
            return Best(bid=units(quote.b), bid_size=units(quote.B), ask=units(quote.a), ask_size=units(quote.A))
        bids, asks = self._book.bids(1), self._book.asks(1)
        if not bids or not asks:
            return None
        return Best(bid=bids[0][0], bid_size=bids[0][1], ask=asks[0][0], ask_size=asks[0][1])

    def bids(self, limit: int) -> list[Level]:
        return self._book.bids(limit)

    def asks(self, limit: int) -> list[Level]:
        return self._book.asks(limit)

    # Tape

    def _print(self, event: TradeEvent) -> PublicTrade:
        trade = PublicTrade(
            id=event.t, price=units(event.p), quantity=units(event.q), time_ms=event.T, buyer_is_maker=event.m
        )
        self._tape.append(trade)
        self.last_price = trade.price
        price, quantity = trade.price // self.spec.tick, trade.quantity // self.spec.step
        opened = trade.time_ms // MINUTE_MS * MINUTE_MS
        bar = self._minutes.get(opened)
        if bar is None:
            bar = self._minutes[opened] = [opened, price, price, price, price, 0, 0, 0, 0, 0, opened + MINUTE_MS - 1]
        bar[2], bar[3], bar[4] = max(bar[2], price), min(bar[3], price), price
        bar[5] += quantity
        bar[6] += price * quantity
        bar[7] += 1
        if not trade.buyer_is_maker:
            bar[8] += quantity
            bar[9] += price * quantity
        return trade

    def trades(self, query: TradeQuery) -> list[PublicTrade]:
        found = [
            trade
            for trade in self._tape
            if (query.from_id is None or trade.id >= query.from_id)
            and (query.start_ms is None or trade.time_ms >= query.start_ms)
            and (query.end_ms is None or trade.time_ms <= query.end_ms)
        ]
        newest = query.from_id is None and query.start_ms is None
        return found[-query.limit :] if newest else found[: query.limit]

    # Bars

    def _day_before(self, seed: int, rate: int) -> Ints:
        """Generated minute bars of the 24 hours before the recording's first minute; the last closes at its price."""
        path = Path(self.spec, seed=seed, rate=rate)
        start = self._first_ms // MINUTE_MS
        path.log_price += log(self._first_price / 1e8) - float(path.anchors(np.array([start], dtype=np.int64))[0])
        rows = MinuteCache(path).between(start * MINUTE_MS - DAY_MS, start * MINUTE_MS - 1)
        last = rows[-1]
        last[4] = self._first_price // self.spec.tick
        last[2], last[3] = max(last[2], last[4]), min(last[3], last[4])
        return rows

    def _minute_rows(self, first_ms: int, last_ms: int) -> Ints:
        played = [bar for opened, bar in sorted(self._minutes.items()) if first_ms <= opened <= last_ms]
        before = self._before[(self._before[:, 0] >= first_ms) & (self._before[:, 0] <= last_ms)]
        return np.concatenate([before, np.array(played, dtype=np.int64)]) if played else before

    async def prepare(self, query: BarQuery) -> None:
        """Nothing needs computing."""

    def raw_bars(self, query: BarQuery) -> Ints:
        return query.answer(listed_ms=int(self._before[0, 0]), now_ms=self._time_ms, fetch=self._minute_rows)

    def bars(self, query: BarQuery) -> list[list[object]]:
        recorded_ms = int(self._before[-1, 0]) + MINUTE_MS
        return [
            wire(row, self.spec, ignored="0" if row[0] >= recorded_ms else SYNTHETIC)
            for row in as_rows(self.raw_bars(query))
        ]

    def _middle(self, frames: list[Frame]) -> int:
        """The first middle price of a recording without trades."""
        if self._snapshot is not None and self._snapshot.bids:
            return units(self._snapshot.bids[0][0])
        quote = next((frame for frame in frames if frame.stream.endswith("@bookTicker")), None)
        return units(_QUOTE.decode(quote.wrapped).data.b) if quote else 10**8


def _spec(symbol_id: str, price: int, trades: list[TradeEvent], snapshot: Snapshot | None) -> SymbolSpec:
    """The catalog's rules, or the coarsest that everything recorded obeys."""
    name = split_id(symbol_id)
    if name in CATALOG:
        return CATALOG[name]
    levels = [*snapshot.bids, *snapshot.asks] if snapshot else []
    tick = gcd(*(units(trade.p) for trade in trades), *(units(level[0]) for level in levels)) or 1
    step = gcd(*(units(trade.q) for trade in trades), *(units(level[1]) for level in levels)) or 1
    return SymbolSpec(name=name, tick=tick, step=step, price=price / 1e8)
