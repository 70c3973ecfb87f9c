"""A venue on loopback: its markets move, whoever subscribed hears of it, and things go wrong when told to.

`venue = await KrakenVenue.start()`, then `venue.rest_url`, `venue.websocket_url`, `venue.market("BTC/USD").truth`, and
the switches: `strike`, `cut`, `is_silent`, `refused`, `expire_token`, `close_for_maintenance`.
"""

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Self

from aiohttp import WSMsgType, web

from tests.venues.market import MINUTE_MS, NS_PER_MS, Market, Step

_STEP_EVERY_S = 0.04
_BEAT_EVERY_S = 0.4
_SERVICE_RESTART = 1012
# Prints reach back to before the minute that has just begun.
_BEFORE_MS = 6_000
_LEFT_MS = 3_500

Frame = str | bytes


class Fault(StrEnum):
    """What becomes of the next update of one book."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    SWAP = "swap"
    # Bytes that no parser can read.
    BREAK = "break"
    # One size is wrong; of use only where the venue sends checksums.
    WRONG_LEVEL = "wrong level"


class Client:
    """One socket. What is sent keeps its order."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.request = request
        # (channel, venue symbol)
        self.subscriptions: set[tuple[str, str]] = set()
        self.messages = 0
        self.unanswered = 0
        self.held: dict[str, list[Frame]] = defaultdict(list)
        self._outgoing: asyncio.Queue[Frame] = asyncio.Queue()

    def send(self, frame: Frame) -> None:
        self._outgoing.put_nowait(frame)

    def abort(self) -> None:
        if self.request.transport is not None:
            self.request.transport.abort()

    async def write(self) -> None:
        while True:
            frame = await self._outgoing.get()
            if isinstance(frame, str):
                await self.socket.send_str(frame)
            else:
                await self.socket.send_bytes(frame)


class VenueServer:
    """What all venues have in common. A dialect says how things are written."""

    adapter: ClassVar[str]
    # (unified symbol, the venue's, price in ticks); the last one is listed, but not streamed.
    symbols: ClassVar[Sequence[tuple[str, str, int]]]
    tick: ClassVar[Decimal] = Decimal("0.1")
    lot: ClassVar[Decimal] = Decimal("0.001")
    # Which of the channels has the order book.
    book_channel: ClassVar[str]

    def __init__(self, *, seed: int = 1) -> None:
        # A minute has just begun, whatever the time is.
        self._ahead_ms = MINUTE_MS - time.time_ns() // NS_PER_MS % MINUTE_MS + 1_000
        began_ms = self.now_ms() - _BEFORE_MS
        self.markets = {
            venue_symbol: Market(
                symbol=symbol, venue_symbol=venue_symbol, price=price, tick=self.tick, lot=self.lot,
                seed=seed + number, now_ms=began_ms,
            )
            for number, (symbol, venue_symbol, price) in enumerate(self.symbols)
        }  # fmt: skip
        for market in self.markets.values():
            while market.time_ms < began_ms + _BEFORE_MS:
                market.step(market.time_ms + 200)
        self.clients: list[Client] = []
        self.counts: Counter[str] = Counter()
        self.refused = {self.symbols[-1][1]}
        # The first one who connects finds a minute that is over in a few seconds.
        self.begins_late_in_a_minute = False
        # The socket stays open, and brings nothing more.
        self.is_silent = False
        self.has_expired_token = False
        self.maintenance = ""
        self._faults: dict[str, Fault] = {}
        self._struck: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None
        self._port = 0

    @classmethod
    async def start(cls) -> Self:
        server = cls()
        app = web.Application()
        app.add_routes(server.routes())
        server._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await server._runner.setup()
        site = web.TCPSite(server._runner, "127.0.0.1", 0)
        await site.start()
        server._port = server._runner.addresses[0][1]
        server._tasks = [asyncio.create_task(server._move()), asyncio.create_task(server._beat())]
        return server

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/ws"

    def now_ms(self) -> int:
        return time.time_ns() // NS_PER_MS + self._ahead_ms

    def market(self, symbol: str) -> Market:
        return next(market for market in self.markets.values() if market.symbol == symbol)

    def strike(self, fault: Fault, symbol: str) -> asyncio.Event:
        """Do this to the book's next update. The event is set when it was done and the update after it was sent."""
        venue_symbol = self.market(symbol).venue_symbol
        self._faults[venue_symbol] = fault
        event = self._struck[venue_symbol] = asyncio.Event()
        return event

    def cut(self) -> None:
        for client in self.clients:
            client.abort()

    def expire_token(self) -> None:
        """Let nobody in any more, and those who are in only as long as they stay."""
        self.has_expired_token = True

    async def close_for_maintenance(self, words: str) -> None:
        """Close the sockets with a reason; REST is away too until `maintenance` is empty again."""
        self.maintenance = words
        for client in list(self.clients):
            await client.socket.close(code=_SERVICE_RESTART, message=words.encode())

    def subscribers(self, channel: str, venue_symbol: str) -> list[Client]:
        return [client for client in self.clients if (channel, venue_symbol) in client.subscriptions]

    # What a dialect says.

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/ws", self._serve)]

    def greet(self, client: Client) -> None:
        """Say what is said on connecting."""

    def hear(self, client: Client, text: str) -> None:
        """Answer a request."""
        raise NotImplementedError

    def begin_step(self, market: Market) -> None:
        """Called before a market moves."""

    def book_frames(self, client: Client, market: Market, step: Step) -> list[Frame]:
        raise NotImplementedError

    def other_frames(self, client: Client, market: Market, step: Step) -> list[Frame]:
        """Quotes, prints and the like."""
        raise NotImplementedError

    def wrong_level(self, frame: Frame) -> Frame:
        raise NotImplementedError

    def beat(self, client: Client) -> None:
        """Called a few times a second."""

    def is_let_in(self, request: web.Request) -> bool:
        return not self.has_expired_token

    # What is the same everywhere.

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self.maintenance:
            return web.Response(status=503, text=self.maintenance)
        if not self.is_let_in(request):
            return web.Response(status=401)
        socket = web.WebSocketResponse(autoclose=True)
        if self.begins_late_in_a_minute:
            self.begins_late_in_a_minute = False
            self._ahead_ms += max(0, MINUTE_MS - _LEFT_MS - self.now_ms() % MINUTE_MS)
            for market in self.markets.values():
                market.step(self.now_ms())
        await socket.prepare(request)
        client = Client(socket, request)
        self.clients.append(client)
        self.counts["connections"] += 1
        writer = asyncio.create_task(client.write())
        try:
            self.greet(client)
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    text = message.data if isinstance(message.data, str) else message.data.decode()
                    self.hear(client, text)
        finally:
            self.clients.remove(client)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writer
        return socket

    async def _move(self) -> None:
        while True:
            for market in self.markets.values():
                self._step(market)
            await asyncio.sleep(_STEP_EVERY_S)

    def _step(self, market: Market) -> None:
        self.begin_step(market)
        before = market.best(10)
        step = market.step(self.now_ms())
        name = market.venue_symbol
        listeners = self.subscribers(self.book_channel, name)
        # Checksums know the best ten levels only.
        strikes = listeners and not self.is_silent and market.best(10) != before
        fault = self._faults.get(name) if strikes else None
        sent = False
        for client in self.clients:
            books = self.book_frames(client, market, step) if client in listeners else []
            others = self.other_frames(client, market, step)
            if self.is_silent:
                continue
            sent = sent or bool(books)
            for frame in self._distort(client, name, books, fault):
                client.send(frame)
            for frame in others:
                client.send(frame)
        if not sent:
            return
        if fault is not None:
            del self._faults[name]
        elif name in self._struck:
            self._struck.pop(name).set()

    def _distort(self, client: Client, name: str, frames: list[Frame], fault: Fault | None) -> Iterable[Frame]:
        if not frames:
            return []
        if fault is None:
            return [*frames, *client.held.pop(name, ())]
        if fault is Fault.DROP:
            return []
        if fault is Fault.DUPLICATE:
            return [*frames, frames[-1]]
        if fault is Fault.SWAP:
            client.held[name] = frames
            return []
        if fault is Fault.BREAK:
            return [frame[: len(frame) // 2] for frame in frames]
        return [self.wrong_level(frame) for frame in frames]

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_EVERY_S)
            for client in list(self.clients):
                self.beat(client)

    def answering(
        self, answer: Callable[[web.Request], Any]
    ) -> Callable[[web.Request], Coroutine[Any, Any, web.Response]]:
        """A REST handler of a function that gives what becomes JSON."""

        async def handle(request: web.Request) -> web.Response:
            self.counts[request.path] += 1
            if self.maintenance:
                return web.Response(status=503, text=self.maintenance)
            found = answer(request)
            return found if isinstance(found, web.Response) else web.json_response(found)

        return handle
