"""A venue's REST with something in front of it that counts, hides, changes and fails."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from aiohttp import web


@dataclass(kw_only=True)
class Proxy:
    """`change(rows)` sees the rows of every klines answer. `fail_next` requests for klines get a 503.

    `held` stops klines answers while it is clear; `pages` counts those that were given.
    """

    behind: str
    url: str = ""
    requests: Counter[str] = field(default_factory=Counter)
    change: Callable[[list[Any]], list[Any]] = lambda rows: rows
    fail_next: int = 0
    status: int = 503
    pages: int = 0
    hold_after: int = 10**9
    is_holding: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        self.requests[request.path] += 1
        is_klines = request.path.endswith("/klines")
        if is_klines and self.fail_next:
            self.fail_next -= 1
            return web.Response(status=self.status, text="{}")
        if is_klines and self.pages >= self.hold_after:
            self.is_holding.set()
            await asyncio.sleep(60)
        async with httpx.AsyncClient(timeout=30) as client:
            answer = await client.get(self.behind + request.path_qs)
        body = answer.content
        if is_klines and answer.status_code == 200:
            body = msgspec.json.encode(self.change(msgspec.json.decode(body)))
            self.pages += 1
        headers = {name: value for name, value in answer.headers.items() if name.lower() == "retry-after"}
        return web.Response(status=answer.status_code, body=body, content_type="application/json", headers=headers)


@asynccontextmanager
async def proxy_before(rest_url: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(behind=rest_url)
    application = web.Application()
    application.router.add_route("GET", "/{path:.*}", proxy.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server: Any = site._server
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        await runner.cleanup()
