"""An exchange that gives what a test tells it to, where ccxt's would."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from marketdata.ccxtpro.outbox import Outbox
from marketdata.ccxtpro.wire import Report
from tests.patience import PATIENCE_S

SYMBOL = "BTC/USDT"


class ScriptedExchange:
    """put(channel, what): the next result of its watch method, or the error that it raises."""

    id = "scripted"

    def __init__(self, *, can_unwatch: bool = True, channels: tuple[str, ...] = ("book", "trades", "ticker")) -> None:
        names = {"book": "OrderBook", "trades": "Trades", "quotes": "BidsAsks", "ticker": "Ticker"}
        self.has = {f"watch{names[channel]}": True for channel in channels}
        self.has |= {f"unWatch{names[channel]}": can_unwatch for channel in channels}
        self.orderbooks: dict[str, Any] = {}
        self.unwatched: list[str] = []
        self.watched: defaultdict[str, int] = defaultdict(int)
        self._asked = asyncio.Event()
        self._queues: defaultdict[str, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)

    def market(self, symbol: str) -> dict[str, Any]:
        return {"symbol": symbol, "contract": False}

    def put(self, channel: str, what: Any) -> None:
        self._queues[channel].put_nowait(what)

    async def until_watched(self, channel: str, count: int) -> None:
        """Wait for so many calls of a watch method."""
        async with asyncio.timeout(PATIENCE_S):
            while self.watched[channel] < count:
                self._asked.clear()
                await self._asked.wait()

    async def _next(self, channel: str) -> Any:
        self.watched[channel] += 1
        self._asked.set()
        what = await self._queues[channel].get()
        if isinstance(what, BaseException):
            raise what
        return what

    async def watch_order_book(self, symbol: str, limit: int | None = None) -> Any:
        return await self._next("book")

    async def watch_trades(self, symbol: str) -> Any:
        return await self._next("trades")

    async def watch_bids_asks(self, symbols: list[str]) -> Any:
        return await self._next("quotes")

    async def watch_ticker(self, symbol: str) -> Any:
        return await self._next("ticker")

    async def un_watch_order_book(self, symbol: str) -> None:
        self.unwatched.append("book")

    async def un_watch_trades(self, symbol: str) -> None:
        self.unwatched.append("trades")

    async def un_watch_ticker(self, symbol: str) -> None:
        self.unwatched.append("ticker")

    async def un_watch_bids_asks(self, symbols: list[str]) -> None:
        self.unwatched.append("quotes")


class Around:
    """What surrounds a watch in the child process."""

    def __init__(self, exchange: ScriptedExchange) -> None:
        self.code = "mine"
        self.clock_ns: Callable[[], int] = time.time_ns
        self.exchange: Any = exchange
        self.outbox = Outbox()
        self.closed = asyncio.Event()
        self.failures: list[BaseException] = []
        self.sockets_open = True
        self.reports: list[Report] = []

    def sockets_are_open(self) -> bool:
        return self.sockets_open

    async def close_sockets(self) -> None:
        self.closed.set()

    def fail(self, error: BaseException) -> None:
        self.failures.append(error)

    async def until(self, kind: type, *, count: int = 1) -> Any:
        """Wait for so many reports of a kind; gives the last."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = [report for report in self.reports if isinstance(report, kind)]
                if len(found) >= count:
                    return found[count - 1]
                self.reports += await self.outbox.take()


def book(nonce: int | None, *, bid: float = 99.0, ask: float = 101.0, time_ms: int | None = None) -> dict[str, Any]:
    return {"bids": [[bid, 1.0]], "asks": [[ask, 2.0]], "nonce": nonce, "timestamp": time_ms}


def prints(*ids: int) -> list[dict[str, Any]]:
    return [{"id": str(id), "price": 100.0, "amount": 1.0, "side": "buy", "timestamp": id} for id in ids]
