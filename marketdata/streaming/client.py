"""One exchange for a script: what it streams, by callback, until stopped."""

import inspect
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import structlog

from marketdata.ccxtpro.exchange import make_exchange
from marketdata.ccxtpro.names import NotSimulated, check_exchange
from marketdata.streaming.stream import Alert, Stream, StreamStopped

log = structlog.get_logger(__name__)

# Points ccxt's Binance at the simulated exchange, for trying out and for tests.
SIMULATOR_VARIABLE = "STREAMS_SIMULATOR_URL"
SIMULATED = ("binance",)

Callback = Callable[..., Any]


def simulator_of(exchange: str) -> str:
    """Where the simulated exchange is that stands in for this one; "" for the real one. Raises NotSimulated."""
    url = os.environ.get(SIMULATOR_VARIABLE, "").strip()
    if url and exchange not in SIMULATED:
        raise NotSimulated(
            f"{exchange} cannot be simulated, {' and '.join(SIMULATED)} can: to stream the real {exchange}, leave out "
            f"--simulator, or unset {SIMULATOR_VARIABLE}."
        )
    return url


class WebSocketClient:
    """Streams of one exchange, named as ccxt names it.

    creds: {"apiKey": …, "secret": …, "password": …}, needed for balance and orders only. Callbacks are functions or
    coroutine functions; what they raise is logged and does not end the stream. Lost connections are made again, with
    growing delays; what the exchange refuses raises StreamRefused. Raises UnknownExchange, and NotSimulated for
    one that STREAMS_SIMULATOR_URL cannot mean: nothing goes to a real venue while it is set.
    """

    # Without an update for so long a stream counts as stale, and when all of them are, sockets are opened anew.
    stale_after_s = 60.0

    def __init__(self, ex_name: str, creds: Mapping[str, str] | None = None) -> None:
        self.name = check_exchange(ex_name)
        self._simulator = simulator_of(self.name)
        self.on_alert: Callable[[Alert], None] | None = None
        self.streams: dict[tuple[str, str], Stream] = {}
        self._creds = dict(creds or {})
        self._exchange: Any = None
        self._stops = 0
        self._heard_s = time.monotonic()

    async def watch_ohlcv(self, symbol: str, timeframe: str = "1m", callback: Callback | None = None) -> Any:
        """Wait for the next candles, [[time in ms, open, high, low, close, volume], …]; callback(symbol, timeframe, them)."""
        stream = self._stream(f"ohlcv {timeframe}", symbol, lambda exchange: exchange.watch_ohlcv(symbol, timeframe))
        return await self._update(stream, callback, symbol, timeframe)

    async def fetch_ohlcv(self, symbol: str, timeframe: str = "1m", limit: int = 500) -> Any:
        """The last `limit` candles by REST, oldest first, in the shape of watch_ohlcv; the newest is still forming."""
        stream = self._stream(
            f"history {timeframe}", symbol, lambda exchange: exchange.fetch_ohlcv(symbol, timeframe, limit=limit)
        )
        return await self._update(stream, None, symbol, timeframe)

    async def watch_ticker(self, symbol: str, callback: Callback | None = None) -> Any:
        """Wait for the next ticker; callback(symbol, ticker)."""
        stream = self._stream("ticker", symbol, lambda exchange: exchange.watch_ticker(symbol))
        return await self._update(stream, callback, symbol)

    async def watch_order_book(self, symbol: str, callback: Callback | None = None) -> Any:
        """Wait for the next order book; callback(symbol, book)."""
        stream = self._stream("order book", symbol, lambda exchange: exchange.watch_order_book(symbol))
        return await self._update(stream, callback, symbol)

    async def watch_trades(self, symbol: str, callback: Callback | None = None) -> Any:
        """Wait for the next trades; callback(symbol, trades)."""
        stream = self._stream("trades", symbol, lambda exchange: exchange.watch_trades(symbol))
        return await self._update(stream, callback, symbol)

    async def watch_balance(self, callback: Callback | None = None) -> Any:
        """Wait for the next change of the account's balances; callback(balance). Needs keys."""
        stream = self._stream("balance", "", lambda exchange: exchange.watch_balance(), private=True)
        return await self._update(stream, callback)

    async def watch_orders(self, symbol: str | None = None, callback: Callback | None = None) -> Any:
        """Wait for the next changes of the account's orders; callback(symbol, orders). Needs keys."""
        stream = self._stream("orders", symbol or "", lambda exchange: exchange.watch_orders(symbol), private=True)
        return await self._update(stream, callback, symbol)

    async def watch_ohlcv_loop(
        self,
        symbol: str,
        timeframe: str = "1m",
        callback: Callback | None = None,
        max_iterations: int | None = None,
    ) -> None:
        """watch_ohlcv until stopped, or `max_iterations` times."""
        await self._loop(partial(self.watch_ohlcv, symbol, timeframe, callback), max_iterations)

    async def watch_ticker_loop(
        self, symbol: str, callback: Callback | None = None, max_iterations: int | None = None
    ) -> None:
        await self._loop(partial(self.watch_ticker, symbol, callback), max_iterations)

    async def watch_order_book_loop(
        self, symbol: str, callback: Callback | None = None, max_iterations: int | None = None
    ) -> None:
        await self._loop(partial(self.watch_order_book, symbol, callback), max_iterations)

    async def watch_trades_loop(
        self, symbol: str, callback: Callback | None = None, max_iterations: int | None = None
    ) -> None:
        await self._loop(partial(self.watch_trades, symbol, callback), max_iterations)

    async def watch_balance_loop(self, callback: Callback | None = None, max_iterations: int | None = None) -> None:
        await self._loop(partial(self.watch_balance, callback), max_iterations)

    async def watch_orders_loop(
        self, symbol: str | None = None, callback: Callback | None = None, max_iterations: int | None = None
    ) -> None:
        await self._loop(partial(self.watch_orders, symbol, callback), max_iterations)

    def stop(self) -> None:
        """End every loop and what waits now. Later calls begin anew."""
        self._stops += 1
        for stream in self.streams.values():
            stream.stop()

    async def close(self) -> None:
        """Stop, and close every connection. The client may be used again afterwards."""
        self.stop()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            await exchange.close()

    async def _loop(self, watch: Callable[[], Awaitable[Any]], max_iterations: int | None) -> None:
        stops, count = self._stops, 0
        while self._stops == stops and (max_iterations is None or count < max_iterations):
            try:
                await watch()
            except StreamStopped:
                return
            count += 1

    async def _update(self, stream: Stream, callback: Callback | None, *about: Any) -> Any:
        update = await stream.next()
        self._heard_s = time.monotonic()
        if callback is not None:
            try:
                result = callback(*about, update)
                if inspect.isawaitable(result):
                    await result
            except Exception:
                # Whatever a script raises is its own affair: the stream goes on.
                log.exception(
                    "[WS] a callback failed", exchange=self.name, channel=stream.channel, symbol=stream.symbol
                )
        return update

    def _stream(
        self, channel: str, symbol: str, watch: Callable[[Any], Awaitable[Any]], *, private: bool = False
    ) -> Stream:
        key = (channel, symbol)
        if key not in self.streams:
            self.streams[key] = Stream(
                exchange=self.name,
                channel=channel,
                symbol=symbol,
                watch=lambda: watch(self._open()),
                renew=self._renew,
                idle_s=lambda: time.monotonic() - self._heard_s,
                alert=self._tell,
                # An account may be quiet for days.
                stale_after_s=None if private else self.stale_after_s,
            )
        return self.streams[key]

    def _open(self) -> Any:
        if self._exchange is None:
            self._exchange = make_exchange(self.name, rest_url=self._simulator, credentials=self._creds)
        return self._exchange

    async def _renew(self) -> None:
        clients = list(self._exchange.clients.values()) if self._exchange is not None else []
        if self._exchange is not None:
            self._exchange.clients.clear()
        for client in clients:
            await client.close()

    def _tell(self, alert: Alert) -> None:
        if self.on_alert is not None:
            self.on_alert(alert)
