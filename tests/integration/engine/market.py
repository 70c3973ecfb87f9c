"""A feed for engine tests: events put onto the real channel layer as a feed would, and waiting for rows to appear."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from marketdata.batches import MESSAGE_TYPE, encode_batch, tick_group
from marketdata.events import Batch, BookSnapshot, Event, FeedState, QuoteTick, TradeTick
from tests.patience import PATIENCE_S

LEVELS = 5


class TestFeed:
    """Publishes one symbol's ticks by the machine's clock."""

    __test__ = False

    def __init__(self, symbol: str = "BTC/USDT", *, exchange: str = "simulated", epoch: int = 1) -> None:
        self.exchange, self.symbol, self.epoch = exchange, symbol, epoch
        self.sequence = 0
        self._trade_id = 0
        self._layer: Any = get_channel_layer()

    async def send(self, *events: Event) -> None:
        self.sequence += 1
        batch = Batch(
            exchange=self.exchange,
            symbol=self.symbol,
            epoch=self.epoch,
            sequence=self.sequence,
            now_ns=time.time_ns(),
            events=events,
        )
        await self._layer.group_send(
            tick_group(self.exchange, self.symbol), {"type": MESSAGE_TYPE, "payload": encode_batch(batch)}
        )

    def market(self, price: float, *, size: float = 5.0) -> tuple[Event, ...]:
        """A book, a quote and a print around a price."""
        ts = time.time_ns()
        ids: dict[str, Any] = {"exchange": self.exchange, "symbol": self.symbol, "ts_event": ts, "ts_init": ts}
        self._trade_id += 1
        bid, ask = round(price - 0.01, 2), round(price + 0.01, 2)
        bids = tuple((round(bid - i * 0.01, 2), size) for i in range(LEVELS))
        asks = tuple((round(ask + i * 0.01, 2), size) for i in range(LEVELS))
        return (
            BookSnapshot(**ids, bids=bids, asks=asks, update_id=self._trade_id),
            QuoteTick(**ids, bid=bid, bid_size=size, ask=ask, ask_size=size, update_id=self._trade_id),
            TradeTick(**ids, price=price, size=0.1, buyer_is_maker=False, trade_id=self._trade_id),
        )

    def state(self, state: str, reason: str = "", *, source: str = "websocket") -> FeedState:
        ts = time.time_ns()
        return FeedState(
            exchange=self.exchange, symbol=self.symbol, state=state, source=source, reason=reason,
            ts_event=ts, ts_init=ts,
        )  # fmt: skip

    async def play(
        self,
        prices: Callable[[int], float],
        until: Callable[[], Any],
        *,
        every_s: float = 0.05,
        timeout_s: float = PATIENCE_S,
    ) -> Any:
        """Send markets until `until`, a query, gives something true; that is the answer."""
        ask = sync_to_async(until)
        for i in range(int(timeout_s / every_s)):
            await self.send(*self.market(prices(i)))
            if found := await ask():
                return found
            await asyncio.sleep(every_s)
        raise AssertionError(f"what was waited for did not happen; the last decisions: {await last_decisions()}")


@sync_to_async
def last_decisions() -> list[Any]:
    from bots.models import Decision

    return [
        (found.bot.name, found.verdict, [reason["text"] for reason in found.reasons], found.reasoning)
        for found in Decision.objects.select_related("bot")[:5]
    ]


async def eventually(query: Callable[[], Any], *, timeout_s: float = PATIENCE_S, every_s: float = 0.05) -> Any:
    """The query's first true answer."""
    ask = sync_to_async(query)
    deadline = time.monotonic() + timeout_s
    while not (found := await ask()):
        assert time.monotonic() < deadline, "what was waited for did not happen"
        await asyncio.sleep(every_s)
    return found


def rising(start: float, step: float) -> Callable[[int], float]:
    return lambda i: round(start + i * step, 2)


def bars_rows(instrument: Any, *, price: float, count: int = 120, trend: float = 0.0002) -> Sequence[Any]:
    """Stored minutes until now that end near `price`, trending."""
    from marketdata.models import BarRow

    minute = 60_000_000_000
    end = time.time_ns() // minute * minute
    rows = []
    for i in range(count):
        back = count - 1 - i
        close = price * (1 - trend * back) * (1 + 0.0001 * (-1) ** i)
        rows.append(
            BarRow(
                instrument=instrument, timeframe="1m", ts_open=end - (back + 1) * minute, open=close, high=close * 1.0003,
                low=close * 0.9997, close=close, volume=1.0, trades=5, source="rest",
            )
        )  # fmt: skip
    return rows
