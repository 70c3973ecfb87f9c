"""Faults of the exchange drawn by lot, and how all must be when they are over."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asgiref.sync import sync_to_async

from marketdata.models import FeedStatus
from tests.chaos.consumer import Consumer
from tests.chaos.outcome import Outcome
from tests.chaos.world import World, until

# Compared level by level: what consumers get.
_LEVELS = 20
# A venue whose clock went back has late data until the feed has forgotten the old one: two minutes at most.
_HEALED_S = 150.0

Draw = Callable[[random.Random], Mapping[str, Any]]


def _few(rng: random.Random) -> Mapping[str, Any]:
    return {"count": rng.randint(1, 5), "seconds": 5}


def _short(rng: random.Random) -> Mapping[str, Any]:
    return {"seconds": round(rng.uniform(0.5, 4), 1)}


# Those that leave a trace: a wrong size in a frame of Binance's cannot be noticed by anybody.
GENTLE: dict[str, Draw] = {
    "drop_sockets": lambda rng: {},
    "skip_depth": _few,
    "duplicate_depth": _few,
    "reorder_depth": _few,
    "skip_trade": _few,
    "duplicate_trade": _few,
    "crossed_quote": _few,
    "freeze_data": _short,
}
ROUGH: dict[str, Draw] = GENTLE | {
    "zero_price": _few,
    "nan_price": _few,
    "spike_price": _few,
    "corrupt_frame": lambda rng: {"kind": rng.choice(("truncate", "html")), "rate": 0.2, **_short(rng)},
    "bad_depth": lambda rng: {"count": rng.randint(10, 100), "seconds": 1},
    "refuse_connections": _short,
    "close_listener": _short,
    "maintenance": _short,
    "server_shutdown": lambda rng: {"milliseconds": rng.randint(100, 2000)},
    "slow_answer": lambda rng: {"milliseconds": rng.randint(100, 3000), **_short(rng)},
    "garbage": _short,
    "stale_rest": _short,
    "clock_skew": lambda rng: {"milliseconds": rng.choice((-4000, 4000)), **_short(rng)},
}
_WHOLE_VENUE = {
    "drop_sockets", "corrupt_frame", "refuse_connections", "close_listener", "maintenance", "server_shutdown",
    "slow_answer", "garbage", "clock_skew",
}  # fmt: skip


def draw(rng: random.Random, kinds: Mapping[str, Draw], symbols: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """A fault and its settings, of one symbol or of all."""
    name = rng.choice(sorted(kinds))
    fields = dict(kinds[name](rng))
    if name not in _WHOLE_VENUE:
        symbol = rng.choice(("", *symbols))
        # These strike one symbol only.
        fields["symbol"] = symbol.replace("/", "") or ("" if name != "bad_depth" else symbols[0].replace("/", ""))
    return name, fields


async def faults_by_lot(
    there: World, rng: random.Random, outcome: Outcome, kinds: Mapping[str, Draw], *, every_s: float
) -> None:
    """Switch a fault on every few seconds, until cancelled."""
    while True:
        await asyncio.sleep(rng.uniform(0.5, 1.5) * every_s)
        name, fields = draw(rng, kinds, there.symbols)
        await there.switch(name, **fields)
        outcome.counts[f"fault {name}"] += 1


async def all_is_well_again(there: World, consumer: Consumer, outcome: Outcome) -> None:
    """Every symbol is live without a fault, and its book is the exchange's own, level by level."""
    await there.clear_faults()

    def not_live() -> list[str]:
        rows = {row.symbol: row for row in FeedStatus.objects.all()}
        heard = consumer.states
        return [
            f"{symbol} {rows[symbol].state} ({rows[symbol].reason}), heard {heard.get(symbol)}"
            for symbol in there.symbols
            if rows[symbol].state != "live" or heard.get(symbol) != "live"
        ]

    try:
        await until(lambda: not not_live(), timeout_s=_HEALED_S, what="every symbol is live")
    except TimeoutError:
        missing = await sync_to_async(not_live)()
        outcome.problems.append(f"not live {_HEALED_S:g} s after the last fault: {missing}")
        return
    for symbol in there.symbols:
        outcome.expect(
            await _has_the_venues_book(there, consumer, symbol), f"the book of {symbol} is not the exchange's"
        )


async def _has_the_venues_book(there: World, consumer: Consumer, symbol: str) -> bool:
    for _ in range(5):
        await there.switch("stand_still", seconds=10)
        try:
            for _ in range(20):
                update_id, bids, asks = await there.depth(symbol, _LEVELS)
                book = consumer.books[symbol]
                if book.update_id == update_id:
                    return (book.bids, book.asks) == (bids, asks)
                await asyncio.sleep(0.05)
        finally:
            await there.switch("stand_still", on=False)
        await asyncio.sleep(0.5)
    return False
