"""A venue's socket on loopback, and a pool of ours that hears it."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from marketdata.connection import ConnectionSettings
from marketdata.exchanges.adapter import Adapter, VenueEvent
from marketdata.feed.sockets import SocketPool
from marketdata.feed.source import Hearer
from tests.patience import PATIENCE_S


class Heard:
    """What the pool told, and a way to wait for it."""

    def __init__(self) -> None:
        self.events: list[VenueEvent] = []
        self.refused: list[tuple[str, str]] = []
        self.malformed: list[str] = []
        self._changed = asyncio.Event()

    def take(self, events) -> None:
        self.events.extend(events)
        self._changed.set()

    def refuse(self, symbol: str, error: str) -> None:
        self.refused.append((symbol, error))
        self._changed.set()

    def misread(self, message: str, ts_init: int) -> None:
        self.malformed.append(message)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def pool_at(
    adapter: Adapter, symbols: dict[str, str], answer: Callable[[int, dict], list[bytes]]
) -> AsyncIterator[tuple[SocketPool, Heard]]:
    """`answer(connection, request)` gives the frames with which the venue answers; connections count from 0.

    Frames that are compressed go out as binary. What we send and is no JSON is a request of its `text`.
    """
    connections = 0

    async def handle(connection: ServerConnection) -> None:
        nonlocal connections
        number, connections = connections, connections + 1
        with contextlib.suppress(ConnectionClosed):
            async for message in connection:
                request = json.loads(message) if message[:1] == "{" else {"text": message}
                for frame in answer(number, request):
                    await connection.send(frame, text=frame[:2] != b"\x1f\x8b")

    def fail(error: BaseException) -> None:
        raise error

    async def pace() -> None:
        await asyncio.sleep(0)

    heard = Heard()
    async with serve(handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]

        async def address(route: str) -> str:
            return f"ws://127.0.0.1:{port}"

        pool = SocketPool(
            adapter=adapter,
            settings=ConnectionSettings(
                messages_per_s=200,
                answers_requests=adapter.limits.answers_requests,
                heartbeat=adapter.heartbeat,
            ),
            make_parser=lambda: adapter.parser(exchange=adapter.name, symbols=symbols, listings={}),
            address=address,
            hearer=Hearer(
                take=heard.take,
                malformed=heard.misread,
                frame=lambda payload, ts_init, socket: None,
                up=lambda symbols, health: None,
                down=lambda symbols, reason, health: None,
                handover=lambda symbols: None,
                refused=heard.refuse,
                not_allowed=lambda message: None,
                note=lambda kind, message: None,
                fail=fail,
                pace=pace,
            ),
            now_ns=lambda: 1,
            rng=random.Random(1),
        )
        try:
            yield pool, heard
        finally:
            await pool.close()
