"""What all WebSockets share: the writer, pings, the 24 h cut, the limit on incoming messages, and their faults."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.faults import Faults
from marketdata.simulator.hub import Hub, Subscriber
from marketdata.simulator.lag import LoopLag
from marketdata.simulator.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketRules:
    """Binance's: a ping every 20 s, cut 60 s after the last pong or after 24 h, 5 incoming messages a second."""

    ping_every_s: float = 20.0
    pong_within_s: float = 60.0
    cut_after_s: float = 86_400.0
    messages_per_s: int = 5


class Gate:
    """Whether a new socket is let in. Raises the answer for one that is not."""

    def __init__(self, faults: Faults, usage: Usage) -> None:
        self._faults = faults
        self._usage = usage

    async def admit(self, request: web.Request) -> None:
        now_s = time.monotonic()
        if not self._usage.may_connect(request.remote or "", now_s):
            raise web.HTTPTooManyRequests(headers={"Retry-After": "300"}, text="Too many connections")
        if self._faults.lasting(Fault.MAINTENANCE, now_s) is not None:
            raise web.HTTPServiceUnavailable(text="System maintenance")
        refuses = self._faults.lasting(Fault.REFUSE_CONNECTIONS, now_s)
        if refuses is not None:
            raise _refusal(refuses.status)
        if self._faults.lasting(Fault.HALF_OPEN, now_s) is None:
            return
        # There is no event for the end of a fault.
        while self._faults.lasting(Fault.HALF_OPEN, time.monotonic()) is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        if request.transport is not None:
            request.transport.abort()
        raise web.HTTPServiceUnavailable


def _refusal(status: int) -> web.HTTPException:
    class Refused(web.HTTPError):
        status_code = status

    return Refused(text="refused")


class Socket:
    """One connected client."""

    def __init__(
        self,
        request: web.Request,
        *,
        hub: Hub,
        rules: SocketRules,
        combined: bool,
        faults: Faults,
        usage: Usage,
    ) -> None:
        self._request = request
        self._hub = hub
        self._rules = rules
        self._faults = faults
        self._usage = usage
        self._websocket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=1 << 20)
        self.subscriber = Subscriber(combined=combined)
        self._opened_s = self._last_pong_s = time.monotonic()
        self._recent: list[float] = []
        self._lag = LoopLag()
        self._work: set[asyncio.Task[None]] = set()
        # Half open: nothing goes out any more, and nothing that comes in is heard.
        self.is_dead = False

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._opened_s

    async def serve(self, on_text: Callable[[str], Awaitable[None]]) -> web.WebSocketResponse:
        """Talk until either side ends it."""
        await self._websocket.prepare(self._request)
        self._opened_s = self._last_pong_s = time.monotonic()
        self._hub.subscribers.add(self.subscriber)
        for helper in (self._write(), self._watch(), self._lag.run()):
            self._start(helper)
        try:
            await self._read(on_text)
        finally:
            helpers = list(self._work)
            for task in helpers:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            self._hub.leave(self.subscriber)
            with suppress(ConnectionError):
                await self._websocket.close()
        return self._websocket

    def abort(self) -> None:
        """Cut the connection without a closing handshake."""
        if self._request.transport is not None:
            self._request.transport.abort()

    def end(self, message: str) -> None:
        """Close it as the venue does at the end of its life."""
        if not self.is_dead:
            self._start(self._close(message))

    def ping_or_cut(self, within_s: float) -> None:
        """Ping now, and cut it when no pong came in time."""
        self._start(self._ping_or_cut(within_s))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _close(self, message: str) -> None:
        with suppress(ConnectionError):
            await self._websocket.close(code=WSCloseCode.GOING_AWAY, message=message.encode())

    async def _ping_or_cut(self, within_s: float) -> None:
        pinged_s = time.monotonic()
        with suppress(ConnectionError):
            await self._ping()
            await asyncio.sleep(within_s)
            if self._last_pong_s < pinged_s:
                self._usage.counters.cut_for_silence += 1
                self.abort()

    async def _ping(self) -> None:
        if not self.is_dead:
            self._usage.counters.pings += 1
            await self._websocket.ping(str(time.monotonic()).encode())

    async def _read(self, on_text: Callable[[str], Awaitable[None]]) -> None:
        async for message in self._websocket:
            if self.is_dead:
                continue
            if message.type is WSMsgType.PONG:
                self._ponged(message)
                continue
            if not self._within_limit():
                await self._websocket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"Too many requests")
                return
            if message.type is WSMsgType.PING:
                self._start(self._pong(message.data))
            elif message.type is WSMsgType.TEXT:
                await on_text(message.data)

    def _ponged(self, message: WSMessage) -> None:
        self._last_pong_s = time.monotonic()
        # Unasked pongs are allowed, with any content.
        with suppress(ValueError):
            self._usage.answered(float(message.data))

    async def _pong(self, data: bytes) -> None:
        now_s = time.monotonic()
        if self._faults.lasting(Fault.NO_PONG, now_s) is not None:
            return
        slow = self._faults.lasting(Fault.SLOW_PONG, now_s)
        if slow is not None:
            await asyncio.sleep(slow.milliseconds / 1000)
        if not self.is_dead:
            with suppress(ConnectionError):
                await self._websocket.pong(data)

    def _within_limit(self) -> bool:
        now_s = time.monotonic()
        self._recent = [at for at in self._recent if now_s - at < 1.0]
        self._recent.append(now_s)
        # While history is computed nothing is read: messages sent a second apart are then found together.
        within = len(self._recent) <= self._rules.messages_per_s * (1 + self._lag.recent_s)
        self._usage.received(len(self._recent), within_limit=within)
        return within

    async def _write(self) -> None:
        subscriber, websocket = self.subscriber, self._websocket
        with suppress(ConnectionError):
            while not subscriber.overrun:
                await subscriber.ready.wait()
                subscriber.ready.clear()
                while subscriber.queue:
                    frame = subscriber.queue.popleft()
                    if not self.is_dead:
                        await websocket.send_frame(frame, WSMsgType.TEXT)
        self.abort()

    async def _watch(self) -> None:
        with suppress(ConnectionError):
            while True:
                left_s = self._rules.cut_after_s - self.age_s
                await asyncio.sleep(max(0.0, min(self._rules.ping_every_s, left_s)))
                if self.age_s >= self._rules.cut_after_s:
                    await self._close("24 hours are over")
                    return
                if not self.is_dead and time.monotonic() - self._last_pong_s > self._rules.pong_within_s:
                    self._usage.counters.cut_for_silence += 1
                    self.abort()
                    return
                await self._ping()
