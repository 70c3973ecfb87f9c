"""One WebSocket: connect, keep alive, say what is asked, come back after a loss."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

log = structlog.get_logger(__name__)

_MAX_FRAME_BYTES = 8 * 1024 * 1024
_CLOSE_TIMEOUT_S = 2.0
# Under a burst, received frames are waiting already: after these many, others have a turn.
_FRAMES_PER_TURN = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """How to reach a venue, and how often to try."""

    url: str
    connect_timeout_s: float = 30
    ping_interval_s: float = 30
    pong_timeout_s: float = 10
    reconnect_max_s: float = 30
    reconnect_jitter: float = 0.1
    messages_per_s: int = 4


class Backoff:
    """Delays between tries: none, then 1 s, doubled up to `max_s`, each spread by `jitter` (a fraction)."""

    def __init__(self, *, max_s: float, jitter: float, rng: random.Random) -> None:
        self._max_s = max_s
        self._jitter = jitter
        self._rng = rng
        self.failures = 0

    def next_delay_s(self) -> float:
        self.failures += 1
        if self.failures == 1:
            return 0.0
        delay_s = min(self._max_s, 2.0 ** min(self.failures - 2, 30))
        return delay_s * self._rng.uniform(1 - self._jitter, 1 + self._jitter)

    def reset(self) -> None:
        self.failures = 0


class Connection:
    """Keeps one socket open until cancelled.

    on_frame(frame, ts_init) for every frame; on_up() when connected, before the first frame; on_down(reason, failures)
    after a loss or a failed try, `failures` counting those in a row without data between. None of them may block.
    `pace` is awaited every few frames: while it waits nothing is read, and the venue's socket fills up.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        on_frame: Callable[[bytes, int], None],
        on_up: Callable[[], None],
        on_down: Callable[[str, int], None],
        pace: Callable[[], Awaitable[None]],
        rng: random.Random,
    ) -> None:
        self.settings = settings
        self._on_frame = on_frame
        self._on_up = on_up
        self._on_down = on_down
        self._pace = pace
        self._backoff = Backoff(max_s=settings.reconnect_max_s, jitter=settings.reconnect_jitter, rng=rng)
        self._socket: ClientConnection | None = None
        self._outgoing: asyncio.Queue[Callable[[], bytes | None]] = asyncio.Queue()
        self._next_send_s = 0.0
        self._renewing = False
        self.connects = 0

    @property
    def is_up(self) -> bool:
        return self._socket is not None

    @property
    def failures(self) -> int:
        return self._backoff.failures

    def send(self, make: Callable[[], bytes | None]) -> None:
        """Send what `make` gives when the venue's message limit allows; None sends nothing.

        What is unsent on a loss is forgotten: ask again on_up.
        """
        self._outgoing.put_nowait(make)

    def renew(self) -> None:
        """Drop the socket and connect again at once: it lives, but brings nothing or is about to end."""
        self._renewing = True
        if self._socket is not None:
            self._socket.transport.abort()

    async def run(self) -> None:
        while True:
            reason = await self._session()
            if self._renewing:
                self._renewing = False
                self._backoff.reset()
            delay_s = self._backoff.next_delay_s()
            self._on_down(reason, self._backoff.failures)
            await asyncio.sleep(delay_s)

    async def _session(self) -> str:
        """One socket from its opening to its end. Gives the reason why it ended."""
        settings = self.settings
        try:
            async with connect(
                settings.url,
                open_timeout=settings.connect_timeout_s,
                ping_interval=settings.ping_interval_s,
                ping_timeout=settings.pong_timeout_s,
                close_timeout=_CLOSE_TIMEOUT_S,
                max_size=_MAX_FRAME_BYTES,
                compression=None,
            ) as socket:
                self._socket = socket
                self.connects += 1
                self._outgoing = asyncio.Queue()
                sender = asyncio.create_task(self._send_all(socket))
                try:
                    self._on_up()
                    await self._receive_all(socket)
                finally:
                    self._socket = None
                    sender.cancel()
                    with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                        await sender
        except ConnectionClosed as error:
            return f"connection lost: {error}"
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            return f"cannot connect to {settings.url}: {str(error) or type(error).__name__}"
        return "connection closed"

    async def _receive_all(self, socket: ClientConnection) -> None:
        on_frame, clock_ns, receive = self._on_frame, time.time_ns, socket.recv
        # An answer to SUBSCRIBE is no data: a venue that accepts and drops us at once must not look healthy.
        for _ in range(2):
            on_frame(await receive(decode=False), clock_ns())
        self._backoff.reset()
        while True:
            for _ in range(_FRAMES_PER_TURN):
                on_frame(await receive(decode=False), clock_ns())
            await self._pace()

    async def _send_all(self, socket: ClientConnection) -> None:
        while True:
            make = await self._outgoing.get()
            # Evenly: a burst at the end of one second and another at the beginning of the next arrive as one.
            await asyncio.sleep(max(0.0, self._next_send_s - time.monotonic()))
            message = make()
            if message is not None:
                self._next_send_s = time.monotonic() + 1.0 / self.settings.messages_per_s
                await socket.send(message, text=True)
