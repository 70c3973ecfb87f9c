"""The keep-alive connections of one account, and who may use them when: questions never take the last two."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from bots.brokers.budget import Budget
from bots.brokers.limits import Priority

KEPT_FOR_ORDERS = 2
KEEP_ALIVE_S = 75.0
NAMES_KEPT_S = 300


class Pool:
    """`serial` sends one private request at a time: where a nonce must grow in the order of arrival."""

    def __init__(self, budget: Budget, *, connections: int, timeout_s: float, serial: bool = False) -> None:
        self.budget = budget
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections, keepalive_timeout=KEEP_ALIVE_S, ttl_dns_cache=NAMES_KEPT_S
            ),
            timeout=aiohttp.ClientTimeout(
                total=timeout_s, sock_connect=timeout_s / 2, sock_read=timeout_s, connect=timeout_s / 2
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._questions = asyncio.Semaphore(max(1, connections - KEPT_FOR_ORDERS))
        self._one_by_one = asyncio.Lock() if serial else None

    @asynccontextmanager
    async def turn(self, priority: Priority, *, is_public: bool) -> AsyncIterator[None]:
        if priority is Priority.QUESTION:
            await self._questions.acquire()
        try:
            if self._one_by_one is not None and not is_public:
                async with self._one_by_one:
                    yield
            else:
                yield
        finally:
            if priority is Priority.QUESTION:
                self._questions.release()

    async def close(self) -> None:
        await self.session.close()
