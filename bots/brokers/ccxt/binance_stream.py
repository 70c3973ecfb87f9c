"""Binance spot's private stream: a signed subscription on the WebSocket API, which needs no listenKey and no renewals.

A frame that cannot be read may have been a fill: the stream begins anew, and who listens fills the gap by REST.
"""

import asyncio
import hashlib
import hmac
import random
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog
import websockets
from websockets.asyncio.client import ClientConnection, connect

from bots.brokers.budget import Budget
from bots.brokers.ccxt.binance_frames import Frame, parse
from bots.brokers.ccxt.reading import Unreadable
from bots.brokers.ccxt.redact import redact
from bots.brokers.limits import Priority
from bots.brokers.venue import Hearer, VenueBalance, VenueUnavailable

log = structlog.get_logger(__name__)

# Dead connections are found sooner than an order may be declared absent.
PING_EVERY_S = 4.0
PONG_WITHIN_S = 4.0
OPEN_WITHIN_S = 10.0
# Binance ends a connection after 24 hours.
RENEW_AFTER_S = 23 * 3600.0
FIRST_RETRY_S = 0.2
LAST_RETRY_S = 30.0
MAX_FRAME_BYTES = 4 * 1024 * 1024
# ccxt's cost of a connection and a subscription, a weight of 4.
COST = 0.8


class StreamBroken(RuntimeError):
    """This connection of the stream is over; another one follows."""


class BinanceStream:
    """The user data of one account. `ask_balances` is asked where the stream tells only a change."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str,
        secret: str,
        budget: Budget,
        now_ms: Callable[[], int],
        symbol_of: Callable[[str], str],
        ask_balances: Callable[[], Awaitable[Sequence[VenueBalance]]],
        doubt_clock: Callable[[], None] = lambda: None,
    ) -> None:
        self._url = url
        self._api_key = api_key
        self._secret = secret
        self._budget = budget
        self._now_ms = now_ms
        self._symbol_of = symbol_of
        self._ask_balances = ask_balances
        self._doubt_clock = doubt_clock
        self._synced_since_ms: int | None = None

    @property
    def synced_since_ms(self) -> int | None:
        return self._synced_since_ms

    async def listen(self, hearer: Hearer) -> None:
        """For ever. What the hearer raises ends it; what the venue does never does."""
        retry_s = FIRST_RETRY_S
        while True:
            try:
                await self._follow(hearer)
            except (OSError, TimeoutError, websockets.WebSocketException, StreamBroken, VenueUnavailable) as error:
                was_synced = self._synced_since_ms is not None
                retry_s = FIRST_RETRY_S if was_synced else min(LAST_RETRY_S, retry_s * 2)
                log.warning("broker.stream.broken", error=redact(error), retry_s=retry_s)
            finally:
                self._synced_since_ms = None
            await asyncio.sleep(retry_s * random.uniform(0.8, 1.2))

    async def close(self) -> None:
        self._synced_since_ms = None

    async def _follow(self, hearer: Hearer) -> None:
        wait_s = await self._budget.take(COST, Priority.ORDER)
        if wait_s > 0:
            await asyncio.sleep(wait_s)
            raise StreamBroken("waited for the rate budget")
        async with connect(
            self._url,
            open_timeout=OPEN_WITHIN_S,
            close_timeout=1.0,
            ping_interval=PING_EVERY_S,
            ping_timeout=PONG_WITHIN_S,
            max_size=MAX_FRAME_BYTES,
        ) as socket:
            await socket.send(self._subscription())
            async with asyncio.timeout(RENEW_AFTER_S):
                await self._hear(socket, hearer)

    async def _hear(self, socket: ClientConnection, hearer: Hearer) -> None:
        while True:
            if self._synced_since_ms is None:
                async with asyncio.timeout(OPEN_WITHIN_S):
                    raw = await socket.recv()
            else:
                raw = await socket.recv()
            try:
                frame = parse(raw, self._symbol_of)
            except Unreadable as error:
                raise StreamBroken(f"a frame that cannot be read: {error}") from None
            if frame.reply is not None:
                self._answered(frame)
            for seen in frame.seen:
                await hearer(seen)
            if frame.is_transfer:
                for balance in await self._ask_balances():
                    await hearer(balance)
            if frame.is_end:
                raise StreamBroken("the venue ended it")

    def _answered(self, frame: Frame) -> None:
        assert frame.reply is not None
        if frame.reply.get("status") != 200:
            error = frame.reply.get("error")
            if isinstance(error, dict) and error.get("code") == -1021:
                self._doubt_clock()
            raise StreamBroken(f"the venue refused the subscription: {error}")
        if self._synced_since_ms is None:
            self._synced_since_ms = self._now_ms()
            log.info("broker.stream.synced", since_ms=self._synced_since_ms)

    def _subscription(self) -> str:
        params = {"apiKey": self._api_key, "recvWindow": 5000, "timestamp": self._now_ms()}
        payload = "&".join(f"{name}={value}" for name, value in sorted(params.items()))
        signature = hmac.new(self._secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        message = {
            "id": "listen",
            "method": "userDataStream.subscribe.signature",
            "params": params | {"signature": signature},
        }
        return msgspec.json.encode(message).decode()
