"""What the venue needs to know of a market, synthetic or replayed. Prices and quantities in units of 1e-8."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from marketdata.simulator.bars import BarQuery, quote_volume
from marketdata.simulator.noise import Ints
from marketdata.simulator.numbers import fmt
from marketdata.simulator.symbols import SymbolSpec

# (price, quantity), best first.
Level = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicTrade:
    """A print on the tape."""

    id: int
    price: int
    quantity: int
    time_ms: int
    buyer_is_maker: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The top of the book."""

    bid: int
    bid_size: int
    ask: int
    ask_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeQuery:
    """The last `limit` trades, or those from an id or in a span of time, oldest first."""

    limit: int = 500
    from_id: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None


class Market(Protocol):
    """One symbol's public side."""

    spec: SymbolSpec
    last_price: int

    @property
    def update_id(self) -> int: ...

    def best(self) -> Best | None: ...

    def bids(self, limit: int) -> list[Level]: ...

    def asks(self, limit: int) -> list[Level]: ...

    async def prepare(self, query: BarQuery) -> None: ...

    def bars(self, query: BarQuery) -> list[list[object]]: ...

    def raw_bars(self, query: BarQuery) -> Ints: ...

    def trades(self, query: TradeQuery) -> Sequence[PublicTrade]: ...

    def now_ms(self) -> int: ...


DAY_MS = 86_400_000


def day_statistics(market: Market) -> dict[str, object]:
    """The rolling 24 hours as GET /api/v3/ticker/24hr sends them."""
    spec, now = market.spec, market.now_ms()
    rows = market.raw_bars(BarQuery(width_ms=60_000, start_ms=now - DAY_MS, limit=1441))
    best = market.best()
    trades = market.trades(TradeQuery(limit=1))
    last_id = trades[-1].id if trades else 0
    tick = spec.tick
    if len(rows):
        opened, high, low = int(rows[0, 1]) * tick, int(rows[:, 2].max()) * tick, int(rows[:, 3].min()) * tick
        volume, value = int(rows[:, 5].sum()), int(rows[:, 6].sum())
        count, before = int(rows[:, 7].sum()), int(rows[0, 4]) * tick
    else:
        opened = high = low = before = market.last_price
        volume = value = count = 0
    change = market.last_price - opened
    average = value * tick // volume if volume else market.last_price
    return {
        "symbol": spec.id,
        "priceChange": fmt(change),
        "priceChangePercent": f"{100 * change / opened:.3f}" if opened else "0.000",
        "weightedAvgPrice": fmt(average),
        "prevClosePrice": fmt(before),
        "lastPrice": fmt(market.last_price),
        "lastQty": fmt(trades[-1].quantity if trades else 0),
        "bidPrice": fmt(best.bid if best else 0),
        "bidQty": fmt(best.bid_size if best else 0),
        "askPrice": fmt(best.ask if best else 0),
        "askQty": fmt(best.ask_size if best else 0),
        "openPrice": fmt(opened),
        "highPrice": fmt(high),
        "lowPrice": fmt(low),
        "volume": fmt(volume * spec.step),
        "quoteVolume": quote_volume(value, spec),
        "openTime": now - DAY_MS,
        "closeTime": now,
        "firstId": max(0, last_id - count + 1),
        "lastId": last_id,
        "count": count,
    }


def as_rows(values: np.ndarray) -> list[list[int]]:
    rows: list[list[int]] = values.tolist()
    return rows
