"""Streams of several exchanges at once, for scripts."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import structlog

from marketdata.ccxtpro.names import check_exchange
from marketdata.streaming.client import Callback, WebSocketClient
from marketdata.streaming.credentials import credentials_from
from marketdata.streaming.stream import Alert

log = structlog.get_logger(__name__)

DEFAULT_EXCHANGES = ("kucoinfutures", "bingx")

Symbols = Mapping[str, Sequence[str]]


class WebSocketManager:
    """Clients by exchange name, and the tasks of their streams.

    exchanges: names, or {name: credentials}; without, KuCoin futures and BingX. Credentials that are None come from
    the environment, e.g. BINGX_API_KEY and BINGX_API_SECRET; without any, public streams work. Callbacks get the
    exchange's name first. Raises UnknownExchange and NotSimulated.
    """

    def __init__(self, exchanges: Mapping[str, Mapping[str, str] | None] | Iterable[str] | None = None) -> None:
        self.clients: dict[str, WebSocketClient] = {}
        self.on_alert: Callable[[Alert], None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        if exchanges is None:
            exchanges = DEFAULT_EXCHANGES
        wanted = exchanges if isinstance(exchanges, Mapping) else dict.fromkeys(exchanges)
        for name, creds in wanted.items():
            self._client(name, creds)

    async def stream_ohlcv(
        self,
        symbols: Symbols,
        timeframe: str = "1m",
        callback: Callback | None = None,
        max_iterations: int | None = None,
    ) -> list[asyncio.Task[None]]:
        """Start streams of candles, {exchange: [symbols]}; callback(exchange, symbol, timeframe, candles)."""
        return self._start(
            symbols,
            lambda client, symbol: client.watch_ohlcv_loop(
                symbol, timeframe, _named(client.name, callback), max_iterations
            ),
        )

    async def stream_tickers(
        self, symbols: Symbols, callback: Callback | None = None, max_iterations: int | None = None
    ) -> list[asyncio.Task[None]]:
        """Start streams of tickers; callback(exchange, symbol, ticker)."""
        return self._start(
            symbols,
            lambda client, symbol: client.watch_ticker_loop(symbol, _named(client.name, callback), max_iterations),
        )

    async def stream_order_books(
        self, symbols: Symbols, callback: Callback | None = None, max_iterations: int | None = None
    ) -> list[asyncio.Task[None]]:
        """Start streams of order books; callback(exchange, symbol, book)."""
        return self._start(
            symbols,
            lambda client, symbol: client.watch_order_book_loop(symbol, _named(client.name, callback), max_iterations),
        )

    async def stream_trades(
        self, symbols: Symbols, callback: Callback | None = None, max_iterations: int | None = None
    ) -> list[asyncio.Task[None]]:
        """Start streams of trades; callback(exchange, symbol, trades)."""
        return self._start(
            symbols,
            lambda client, symbol: client.watch_trades_loop(symbol, _named(client.name, callback), max_iterations),
        )

    async def run_streams(self, duration: float | None = None) -> None:
        """Let the started streams run for `duration` seconds, or until they end or stop() is called."""
        running = [task for task in self._tasks if not task.done()]
        if not running:
            return
        await asyncio.wait(running, timeout=duration)
        if duration is not None:
            self.stop()
            await asyncio.wait(running)

    def stop(self) -> None:
        """End every stream; connections stay open."""
        for client in self.clients.values():
            client.stop()

    async def close(self) -> None:
        """Stop, and close every connection."""
        self.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await asyncio.gather(*(client.close() for client in self.clients.values()))

    def get_stream_status(self) -> dict[str, Any]:
        """How many streams were started and still run, and how each of them is."""
        return {
            "total_streams": len(self._tasks),
            "active_streams": sum(not task.done() for task in self._tasks),
            "exchanges": list(self.clients),
            "streams": [
                {
                    "exchange": stream.exchange,
                    "channel": stream.channel,
                    "symbol": stream.symbol,
                    "state": stream.state,
                    "reason": stream.reason,
                    "updates": stream.updates,
                    "reconnects": stream.reconnects,
                }
                for client in self.clients.values()
                for stream in client.streams.values()
            ],
        }

    def _start(
        self, symbols: Symbols, watch: Callable[[WebSocketClient, str], Coroutine[Any, Any, None]]
    ) -> list[asyncio.Task[None]]:
        clients = {name: self._client(name) for name in symbols}
        tasks = [
            asyncio.create_task(watch(clients[name], symbol)) for name, names in symbols.items() for symbol in names
        ]
        for task in tasks:
            task.add_done_callback(_tell_error)
        self._tasks += tasks
        return tasks

    def _client(self, name: str, creds: Mapping[str, str] | None = None) -> WebSocketClient:
        name = check_exchange(name)
        if name not in self.clients:
            client = WebSocketClient(name, creds if creds is not None else credentials_from(os.environ, name))
            client.on_alert = self._tell
            self.clients[name] = client
        return self.clients[name]

    def _tell(self, alert: Alert) -> None:
        if self.on_alert is not None:
            self.on_alert(alert)


def _named(name: str, callback: Callback | None) -> Callback | None:
    return None if callback is None else partial(callback, name)


def _tell_error(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("[WS] a stream ended", reason=str(error))
