"""Prices and candles for browsers: tick groups joined on demand, at most ten messages a second and symbol out."""

import asyncio
import json
from typing import Any

import structlog
from redis.exceptions import RedisError

from bots.dashboard.channels import Market, Topic
from bots.dashboard.market import MarketView
from bots.dashboard.sockets import BrowserSocket
from marketdata.batches import BatchReader, MalformedBatch, tick_group
from marketdata.cache import alatest_quote, alatest_snapshot
from marketdata.stream import TIMEFRAMES

log = structlog.get_logger(__name__)

FLUSH_S = 0.1
RETRY_S = 0.5


def channel_name(market: Market) -> str:
    if market.timeframe is None:
        return f"prices:{market.exchange}:{market.symbol}"
    return f"candles:{market.exchange}:{market.symbol}:{market.timeframe}"


class MarketHub:
    """Which sockets follow which channels, and the views that feed them."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._channel = ""
        self._reader = BatchReader()
        self._views: dict[tuple[str, str], MarketView] = {}
        self._followers: dict[str, set[BrowserSocket]] = {}
        self._joined: set[tuple[str, str]] = set()
        self._membership = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._flush())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def follow(self, socket: BrowserSocket, markets: list[Market]) -> None:
        for market in markets:
            view = self._view(market.exchange, market.symbol)
            name = channel_name(market)
            self._followers.setdefault(name, set()).add(socket)
            socket.markets.add(name)
            for timeframe in TIMEFRAMES:
                if timeframe == market.timeframe:
                    view.timeframes.add(timeframe)
        for exchange, symbol in {(market.exchange, market.symbol) for market in markets}:
            await self._begin(self._views[exchange, symbol])
        await self._reconcile()

    def unfollow(self, socket: BrowserSocket, markets: list[Market]) -> None:
        for market in markets:
            self._remove(socket, channel_name(market))

    def drop(self, socket: BrowserSocket) -> None:
        for name in list(socket.markets):
            self._remove(socket, name)

    def _remove(self, socket: BrowserSocket, name: str) -> None:
        socket.markets.discard(name)
        followers = self._followers.get(name)
        if followers is not None:
            followers.discard(socket)
            if not followers:
                del self._followers[name]

    def _view(self, exchange: str, symbol: str) -> MarketView:
        view = self._views.get((exchange, symbol))
        if view is None:
            view = self._views[exchange, symbol] = MarketView(exchange, symbol)
        return view

    async def _begin(self, view: MarketView) -> None:
        """Show the cached price at once, and forming candles as the feed has them."""
        try:
            quote = await alatest_quote(view.exchange, view.symbol)
            snapshot = await alatest_snapshot(view.exchange, view.symbol)
        except (RedisError, OSError):
            return
        if quote is not None:
            view.show(bid=quote.bid, ask=quote.ask, last=quote.last, volume=quote.volume, ts_event=quote.ts_event)
        view.seed(snapshot.forming if snapshot else (), sequence=snapshot.sequence if snapshot else 0)
        view.touch()

    # --- Membership -----------------------------------------------------------------------------------------

    async def _reconcile(self) -> None:
        """Join the groups of what is followed, leave the others. Tried again on the next flush where Redis is away."""
        if not self._channel:
            return
        async with self._membership:
            await self._join_and_leave()

    async def _join_and_leave(self) -> None:
        wanted = {market for market in self._views if self._is_followed(market)}
        try:
            for market in wanted - self._joined:
                await self._layer.group_add(tick_group(*market), self._channel)
                self._joined.add(market)
            for market in self._joined - wanted:
                await self._layer.group_discard(tick_group(*market), self._channel)
                self._joined.discard(market)
                # Somebody may have come while the group was left: then the next round joins it again.
                if not self._is_followed(market):
                    self._views.pop(market, None)
                    self._reader.forget(*market)
        except (RedisError, OSError) as error:
            log.warning("hub.groups.failed", error=f"{type(error).__name__}: {error}")

    def _is_followed(self, market: tuple[str, str]) -> bool:
        exchange, symbol = market
        names = [f"prices:{exchange}:{symbol}", *(f"candles:{exchange}:{symbol}:{frame}" for frame in TIMEFRAMES)]
        return any(name in self._followers for name in names)

    # --- Tasks ----------------------------------------------------------------------------------------------

    async def _receive(self) -> None:
        while not self._channel:
            try:
                self._channel = await self._layer.new_channel()
            except (RedisError, OSError) as error:
                log.warning("hub.channel.failed", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(RETRY_S)
        await self._reconcile()
        while True:
            message = await self._layer.receive(self._channel)
            try:
                read = self._reader.read(message["payload"])
            except (MalformedBatch, KeyError, TypeError) as error:
                log.error("hub.batch.malformed", error=str(error))
                continue
            view = self._views.get((read.batch.exchange, read.batch.symbol)) if read else None
            if read is not None and view is not None:
                view.take(read.batch)

    async def _flush(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(FLUSH_S)
            self.flush()
            beats += 1
            if beats % 10 == 0:
                await self._reconcile()

    def flush(self) -> None:
        """Encode what changed once, and hand it to every follower."""
        for view in list(self._views.values()):
            for channel, message in view.drain():
                followers = self._followers.get(channel, ())
                if channel == Topic.FEEDS:
                    followers = {socket for names in self._followers.values() for socket in names}
                if not followers:
                    continue
                text = json.dumps(message, separators=(",", ":"))
                key = f"{channel}:{message['ts_open']}" if message["type"] == "candle" else channel
                key = f"{channel}:{view.exchange}:{view.symbol}" if channel == Topic.FEEDS else key
                for socket in followers:
                    socket.show(key, text)
