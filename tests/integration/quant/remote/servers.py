"""Quant, model and policy servers on loopback, with every fault there is."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

GOOD = {
    "speed": 0.5, "microstructure": -0.25, "oi": None, "options": 0, "sentiment": 1, "volatility": -1, "combined": 0.1,
}  # fmt: skip


class Server:
    """Answers every POST with `handler`, and remembers what was asked."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[tuple[str, int]] = set()
        self.paths: list[str] = []
        self.was_asked = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(json.loads(await request.read()))
        self.headers.append(dict(request.headers))
        self.paths.append(request.path)
        self.connections.add(request.transport.get_extra_info("peername"))
        self.was_asked.set()
        return await self.handler(request)


@asynccontextmanager
async def serve(handler: Handler) -> AsyncIterator[tuple[str, Server]]:
    """Gives the address of a running server."""
    server = Server(handler)
    app = web.Application(client_max_size=10_000_000)
    app.router.add_route("*", "/{tail:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}", server
    finally:
        await runner.cleanup()


def says(body: Any, *, kind: str = "application/json", status: int = 200, **headers: str) -> Handler:
    """Always the same answer; text and bytes as they are, all else as JSON."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(body=raw, status=status, headers={"Content-Type": kind} | headers)

    return handler


def signals(**changes: Any) -> dict[str, Any]:
    """A good answer with some things changed."""
    return {"signals": GOOD, "latency_ms": 1.5, "timestamp": time.time_ns() // 1_000_000} | changes


async def never(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def endless(request: web.Request) -> web.StreamResponse:
    """A body without an end, fast."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while True:
        await response.write(b" " * 10_000)


async def dripping(request: web.Request) -> web.StreamResponse:
    """A body without an end, a byte at a time."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.01)


# 10 MB of spaces in 10 kB.
PACKED = gzip.compress(b" " * 10_000_000)


async def bomb(request: web.Request) -> web.StreamResponse:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    return web.Response(body=PACKED, headers=headers)


async def hangs_up(request: web.Request) -> web.StreamResponse:
    request.transport.close()
    return web.Response()


async def cut_short(request: web.Request) -> web.StreamResponse:
    """Less than it announced."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"signals":')
    request.transport.close()
    return response


def fails_at_first(times: int, then: Handler) -> Handler:
    left = times

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal left
        left -= 1
        return web.Response(status=503) if left >= 0 else await then(request)

    return handler
