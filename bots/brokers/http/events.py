"""An HTTP broker's private stream: one answer without an end, a JSON object a line."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import msgspec
import structlog

from bots.brokers.ccxt.reading import Unreadable
from bots.brokers.ccxt.redact import redact
from bots.brokers.http.client import BrokerClient
from bots.brokers.http.records import check
from bots.brokers.venue import Hearer, VenueBalance, VenueOrder, VenueTrade

log = structlog.get_logger(__name__)

# The broker writes a line at least every five seconds, {} where there is nothing to say.
SILENCE_S = 10.0
MAX_LINE_BYTES = 1024 * 1024
FIRST_RETRY_S = 0.2
LAST_RETRY_S = 30.0


class _Line(msgspec.Struct, kw_only=True):
    """Exactly one of these, or nothing: a sign of life."""

    synced: bool = False
    order: VenueOrder | None = None
    trade: VenueTrade | None = None
    balance: VenueBalance | None = None


class EventStream:
    """Implements the listening half of a Venue."""

    def __init__(self, client: BrokerClient, *, now_ms: Callable[[], int]) -> None:
        self._client = client
        self._now_ms = now_ms
        self._synced_since_ms: int | None = None

    @property
    def synced_since_ms(self) -> int | None:
        return self._synced_since_ms

    async def listen(self, hearer: Hearer) -> None:
        """For ever. What the hearer raises ends it."""
        retry_s = FIRST_RETRY_S
        while True:
            try:
                await self._follow(hearer)
            except (aiohttp.ClientError, OSError, TimeoutError, Unreadable) as error:
                retry_s = FIRST_RETRY_S if self._synced_since_ms is not None else min(LAST_RETRY_S, retry_s * 2)
                log.warning("broker.stream.broken", error=redact(error), retry_s=retry_s)
            finally:
                self._synced_since_ms = None
            await asyncio.sleep(retry_s * random.uniform(0.8, 1.2))

    async def _follow(self, hearer: Hearer) -> None:
        url, headers, _ = self._client.signed("GET", "/events", None, None)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=SILENCE_S, sock_read=SILENCE_S)
        # Of its own: it would keep one of the connections that orders have.
        async with (
            aiohttp.ClientSession(timeout=timeout, read_bufsize=MAX_LINE_BYTES) as session,
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise Unreadable(f"HTTP {response.status}")
            async for raw in _lines(response):
                for seen in self._read(raw):
                    await hearer(seen)
        raise Unreadable("the broker ended it")

    def _read(self, raw: bytes) -> list[Any]:
        if not raw.strip():
            return []
        try:
            line = msgspec.json.decode(raw, type=_Line)
        except msgspec.DecodeError as error:
            raise Unreadable(str(error)) from None
        if line.synced and self._synced_since_ms is None:
            self._synced_since_ms = self._now_ms()
        found = [seen for seen in (line.trade, line.order, line.balance) if seen is not None]
        for seen in found:
            check(seen)
        return found


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Raises Unreadable for a line that is too long."""
    while True:
        try:
            raw = await response.content.readline()
        except ValueError:
            raise Unreadable(f"a line of more than {MAX_LINE_BYTES} bytes") from None
        if not raw:
            return
        yield raw
