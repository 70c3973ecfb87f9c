"""What all WebSockets share: the writer, pings, the 24 h cut, the limit on incoming messages."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMsgType, web

from marketdata.simulator.hub import Hub, Subscriber
from marketdata.simulator.lag import LoopLag


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketRules:
    """Binance's: a ping every 20 s, cut 60 s after the last pong or after 24 h, 5 incoming messages a second."""

    ping_every_s: float = 20.0
    pong_within_s: float = 60.0
    cut_after_s: float = 86_400.0
    messages_per_s: int = 5


class Socket:
    """One connected client."""

    def __init__(self, request: web.Request, *, hub: Hub, rules: SocketRules, combined: bool) -> None:
        self._request = request
        self._hub = hub
        self._rules = rules
        self._websocket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=1 << 20)
        self.subscriber = Subscriber(combined=combined)
        self._last_pong_s = time.monotonic()
        self._recent: list[float] = []
        self._lag = LoopLag()

    async def serve(self, on_text: Callable[[str], Awaitable[None]]) -> web.WebSocketResponse:
        """Talk until either side ends it."""
        await self._websocket.prepare(self._request)
        self._last_pong_s = time.monotonic()
        self._hub.subscribers.add(self.subscriber)
        helpers = [asyncio.create_task(helper) for helper in (self._write(), self._watch(), self._lag.run())]
        try:
            await self._read(on_text)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            self._hub.leave(self.subscriber)
            with suppress(ConnectionError):
                await self._websocket.close()
        return self._websocket

    def abort(self) -> None:
        """Cut the connection without a closing handshake."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _read(self, on_text: Callable[[str], Awaitable[None]]) -> None:
        async for message in self._websocket:
            if message.type is WSMsgType.PONG:
                self._last_pong_s = time.monotonic()
                continue
            if not self._within_limit():
                await self._websocket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"Too many requests")
                return
            if message.type is WSMsgType.PING:
                await self._websocket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                await on_text(message.data)

    def _within_limit(self) -> bool:
        now_s = time.monotonic()
        self._recent = [at for at in self._recent if now_s - at < 1.0]
        self._recent.append(now_s)
        # While history is computed nothing is read: messages sent a second apart are then found together.
        return len(self._recent) <= self._rules.messages_per_s * (1 + self._lag.recent_s)

    async def _write(self) -> None:
        subscriber, websocket = self.subscriber, self._websocket
        with suppress(ConnectionError):
            while not subscriber.overrun:
                await subscriber.ready.wait()
                subscriber.ready.clear()
                while subscriber.queue:
                    await websocket.send_frame(subscriber.queue.popleft(), WSMsgType.TEXT)
        self.abort()

    async def _watch(self) -> None:
        started_s = time.monotonic()
        with suppress(ConnectionError):
            while True:
                left_s = started_s + self._rules.cut_after_s - time.monotonic()
                await asyncio.sleep(max(0.0, min(self._rules.ping_every_s, left_s)))
                now_s = time.monotonic()
                if now_s - started_s >= self._rules.cut_after_s:
                    await self._websocket.close(code=WSCloseCode.GOING_AWAY, message=b"24 hours are over")
                    return
                if now_s - self._last_pong_s > self._rules.pong_within_s:
                    self.abort()
                    return
                await self._websocket.ping(str(int(time.time() * 1000)).encode())
