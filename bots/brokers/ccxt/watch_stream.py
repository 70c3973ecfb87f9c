"""The private stream of every other venue: CCXT Pro's watchers of orders, fills and balances, side by side.

ccxt does not say when a subscription stands, so a stream counts as synced once its connections have stood for a while.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Any

import structlog

from bots.brokers.ccxt.reading import Unreadable, to_balances, to_order, to_trade
from bots.brokers.ccxt.redact import redact
from bots.brokers.venue import Hearer

log = structlog.get_logger(__name__)

SETTLED_AFTER_S = 10.0
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0


class WatchStream:
    """`exchange` is a ccxt.pro exchange of its own; `markets` gives what the other one has loaded."""

    def __init__(self, exchange: Any, *, markets: Callable[[], Any], now_ms: Callable[[], int]) -> None:
        self._exchange = exchange
        self._markets = markets
        self._now_ms = now_ms
        self._begun_ms: int | None = None

    @property
    def synced_since_ms(self) -> int | None:
        """From when all connections stand, plus the time that subscribing may take."""
        # ccxt keeps bookkeeping of its own among its clients: connections are those with an address.
        every = getattr(self._exchange, "clients", {})
        clients = [client for url, client in every.items() if url.startswith(("ws://", "wss://"))]
        if self._begun_ms is None or not clients or not all(_stands(client) for client in clients):
            return None
        since_ms = self._begun_ms + round(SETTLED_AFTER_S * 1000)
        return since_ms if self._now_ms() >= since_ms else None

    async def listen(self, hearer: Hearer) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            self._exchange.set_markets(self._markets())
            self._begun_ms = self._now_ms()
            watchers = [asyncio.create_task(watch) for watch in self._watchers(hearer)]
            try:
                if not watchers:
                    log.warning("broker.stream.none", exchange=self._exchange.id)
                    self._begun_ms = None
                    await asyncio.Event().wait()
                done, _ = await asyncio.wait(watchers, return_when=asyncio.FIRST_EXCEPTION)
                self._raise_hearers(done)
                was_long = self._now_ms() - (self._begun_ms or 0) > 60_000
                retry_s = FIRST_RETRY_S if was_long else min(LAST_RETRY_S, retry_s * 2)
            finally:
                self._begun_ms = None
                for watcher in watchers:
                    watcher.cancel()
                await asyncio.gather(*watchers, return_exceptions=True)
                with contextlib.suppress(Exception):
                    await self._exchange.close(True)
            await asyncio.sleep(retry_s * random.uniform(0.8, 1.2))

    async def close(self) -> None:
        self._begun_ms = None
        await self._exchange.close()

    def _watchers(self, hearer: Hearer) -> list[Any]:
        exchange = self._exchange
        offered = (
            ("watchOrders", lambda: exchange.watch_orders(), self._orders),
            ("watchMyTrades", lambda: exchange.watch_my_trades(), self._trades),
            ("watchBalance", lambda: exchange.watch_balance(), to_balances),
        )
        return [self._watch(watch, read, hearer) for name, watch, read in offered if exchange.has.get(name) is True]

    async def _watch(self, watch: Callable[[], Any], read: Callable[[Any], Any], hearer: Hearer) -> None:
        while True:
            try:
                seen = read(await watch())
            except Exception as error:  # noqa: BLE001 - whatever ccxt raises, the stream begins anew
                log.warning("broker.stream.broken", error=redact(error))
                raise _Broken from None
            for one in seen:
                await hearer(one)

    def _orders(self, rows: Any) -> list[Any]:
        return [to_order(row, self._market(row)) for row in rows]

    def _trades(self, rows: Any) -> list[Any]:
        return [to_trade(row, self._market(row)) for row in rows]

    def _market(self, row: Any) -> Any:
        if not isinstance(row, dict):
            raise Unreadable("a row that is no object")
        return (self._exchange.markets or {}).get(row.get("symbol"))

    @staticmethod
    def _raise_hearers(done: set[asyncio.Task[None]]) -> None:
        for task in done:
            error = task.exception()
            if error is not None and not isinstance(error, _Broken):
                raise error


class _Broken(RuntimeError):
    """ccxt gave up; not the hearer's fault."""


def _stands(client: Any) -> bool:
    connected = getattr(client, "connected", None)
    return (
        connected is not None
        and connected.done()
        and not connected.cancelled()
        and connected.exception() is None
        and getattr(client, "connectionEstablished", None) is not None
        and getattr(client, "error", None) is None
    )
