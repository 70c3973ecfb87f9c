"""One WebSocket: connect, keep alive, say what is asked, come back after a loss."""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from marketdata.exchanges.adapter import Heartbeat, NotAllowed, VenueError
from marketdata.exchanges.words import venue_words

# A whole Coinbase book takes a few; what is larger ends the socket, by name.
_MAX_FRAME_BYTES = 16 * 1024 * 1024
# Frames that wait to be parsed. While there is room the socket is read, and a venue's ping is answered as it is read.
_MAX_WAITING_FRAMES = 4_096
_CLOSE_TIMEOUT_S = 2.0
# Sockets that bring data and yet end sooner than this, again and again, are waited for longer and longer.
_STEADY_S = 10.0
_QUICK_TRIES = 20
# A venue that has read a request answers within this, or the answer is lost.
_ANSWER_WAIT_S = 5.0
# Under a burst, received frames are waiting already: after these many, others have a turn.
_FRAMES_PER_TURN = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """How to reach a venue, and how often to try."""

    connect_timeout_s: float = 30
    ping_interval_s: float = 30
    pong_timeout_s: float = 10
    reconnect_max_s: float = 30
    reconnect_jitter: float = 0.1
    messages_per_s: float = 4
    # Whether the venue answers each request; where it does, the next one waits for that.
    answers_requests: bool = False
    binary_requests: bool = False
    heartbeat: Heartbeat | None = None


class ConnectBudget:
    """New sockets that a venue allows in five minutes, for all sockets of one feed together."""

    def __init__(self, per_5min: int) -> None:
        # Another process at the same address may need the rest.
        self._times: deque[float] = deque(maxlen=max(1, per_5min * 2 // 3))

    def reserve_s(self, now_s: float) -> float:
        """How long to wait before opening one. The place is taken: whoever asks next waits for another."""
        is_full = len(self._times) == self._times.maxlen
        at_s = max(now_s, self._times[0] + 300) if is_full else now_s
        self._times.append(at_s)
        return at_s - now_s


class MessagePace:
    """Requests go out evenly: a burst at the end of one second and another at the beginning of the next arrive as one."""

    def __init__(self, per_s: float) -> None:
        self._every_s = 1.0 / per_s
        self._next_s = 0.0

    async def turn(self) -> None:
        """Wait until the next request may be sent, which must be done at once."""
        # Several may wait for the same moment: one of them has it.
        while (wait_s := self._next_s - time.monotonic()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(wait_s)
        self._next_s = time.monotonic() + self._every_s


class Backoff:
    """Delays between tries: none for the first `at_once`, then 1 s, doubled up to `max_s`.

    Each is spread by `jitter` (a fraction).
    """

    def __init__(self, *, max_s: float, jitter: float, rng: random.Random, at_once: int = 1) -> None:
        self._at_once = at_once
        self._max_s = max_s
        self._jitter = jitter
        self._rng = rng
        self.failures = 0

    def next_delay_s(self) -> float:
        self.failures += 1
        if self.failures <= self._at_once:
            return 0.0
        delay_s = min(self._max_s, 2.0 ** min(self.failures - self._at_once - 1, 30))
        return delay_s * self._rng.uniform(1 - self._jitter, 1 + self._jitter)

    def reset(self) -> None:
        self.failures = 0


class Connection:
    """Keeps one socket open until cancelled.

    address() gives the URL of a new socket, or raises VenueError. on_frame(frame, ts_init) for every frame, true where it
    brought market data, which alone ends a row of failures; on_up() when connected, before the first frame;
    on_down(reason, failures) after a loss or a failed try, `failures` counting those in a row without data between;
    on_not_allowed(message) when the venue does not let us in. None of them may block.
    `pace` is awaited every few frames: while it waits nothing is parsed, and the venue's socket fills up. Sockets that
    share a venue's limit of messages share a `message_pace`.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        address: Callable[[], Awaitable[str]],
        on_frame: Callable[[bytes, int], bool | None],
        on_up: Callable[[], None],
        on_down: Callable[[str, int], None],
        on_not_allowed: Callable[[str], None],
        pace: Callable[[], Awaitable[None]],
        budget: ConnectBudget,
        message_pace: MessagePace | None = None,
        rng: random.Random,
    ) -> None:
        self.settings = settings
        self._address = address
        self._on_frame = on_frame
        self._on_up = on_up
        self._on_down = on_down
        self._on_not_allowed = on_not_allowed
        self._pace = pace
        self._budget = budget
        self._backoff = Backoff(max_s=settings.reconnect_max_s, jitter=settings.reconnect_jitter, rng=rng)
        self._storm = Backoff(
            max_s=settings.reconnect_max_s, jitter=settings.reconnect_jitter, rng=rng, at_once=_QUICK_TRIES
        )
        self._socket: ClientConnection | None = None
        self._outgoing: asyncio.Queue[Callable[[], bytes | None]] = asyncio.Queue()
        self._replies: set[asyncio.Task[None]] = set()
        self._message_pace = message_pace or MessagePace(settings.messages_per_s)
        self._answered = asyncio.Event()
        self._renewing = False
        self.connects = 0
        self.connected_s = 0.0

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

    def answered(self) -> None:
        """The venue has answered what was sent last, so it has read it."""
        self._answered.set()

    def reply(self, payload: bytes, *, binary: bool) -> None:
        """Send at once, before all that waits."""
        if self._socket is not None:
            task = asyncio.create_task(_send(self._socket, payload, binary=binary))
            self._replies.add(task)
            task.add_done_callback(self._replies.discard)

    def renew(self) -> None:
        """Drop the socket and connect again at once: it lives, but brings nothing or is about to end."""
        self._renewing = True
        if self._socket is not None:
            self._socket.transport.abort()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._budget.reserve_s(time.monotonic()))
            began_s = time.monotonic()
            reason = await self._session()
            if time.monotonic() - began_s > _STEADY_S:
                self._storm.reset()
            if self._renewing:
                self._renewing = False
                self._backoff.reset()
            delay_s = max(self._backoff.next_delay_s(), self._storm.next_delay_s())
            self._on_down(reason, self._backoff.failures)
            await asyncio.sleep(delay_s)

    async def _session(self) -> str:
        """One socket from its opening to its end. Gives the reason why it ended."""
        settings = self.settings
        url = ""
        try:
            url = await self._address()
            async with connect(
                url,
                open_timeout=settings.connect_timeout_s,
                # KuCoin, for one, answers its own pings only.
                ping_interval=settings.ping_interval_s if settings.heartbeat is None else None,
                ping_timeout=settings.pong_timeout_s,
                close_timeout=_CLOSE_TIMEOUT_S,
                max_size=_MAX_FRAME_BYTES,
                max_queue=_MAX_WAITING_FRAMES,
                compression=None,
            ) as socket:
                await self._use(socket)
        except NotAllowed as error:
            self._on_not_allowed(str(error))
            return str(error)
        except VenueError as error:
            return f"no address for a socket: {error}"
        except ConnectionClosed as error:
            return f"connection lost: {error}"
        except InvalidStatus as error:
            words = venue_words(bytes(error.response.body or b""))
            message = f"{_without_query(url)} answered HTTP {error.response.status_code} instead of a WebSocket{words}"
            if error.response.status_code in (401, 403):
                self._on_not_allowed(f"{message}: check key, token and permissions")
            return message
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            return f"cannot connect to {_without_query(url)}: {str(error) or type(error).__name__}"
        return "connection closed"

    async def _use(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.connects += 1
        self.connected_s = time.monotonic()
        self._outgoing = asyncio.Queue()
        self._answered.set()
        workers = [asyncio.create_task(self._send_all(socket))]
        if self.settings.heartbeat is not None:
            workers.append(asyncio.create_task(self._beat(self.settings.heartbeat)))
        try:
            self._on_up()
            await self._receive_all(socket)
        finally:
            self._socket = None
            workers.extend(self._replies)
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _receive_all(self, socket: ClientConnection) -> None:
        on_frame, clock_ns, receive = self._on_frame, time.time_ns, socket.recv
        # Greetings and answers are no data: a venue that accepts and drops us at once must not look healthy.
        is_fruitless = True
        while True:
            for _ in range(_FRAMES_PER_TURN):
                has_data = on_frame(await receive(decode=False), clock_ns())
                if is_fruitless and has_data:
                    is_fruitless = False
                    self._backoff.reset()
            await self._pace()

    async def _send_all(self, socket: ClientConnection) -> None:
        while True:
            make = await self._outgoing.get()
            # What was sent evenly arrives together after a loss on the way: of two, the venue has read the first.
            await self._answer()
            await self._message_pace.turn()
            message = make()
            if message is not None:
                if self.settings.answers_requests:
                    self._answered.clear()
                await _send(socket, message, binary=self.settings.binary_requests)

    async def _answer(self) -> None:
        """Wait until the venue has answered, or will not any more."""
        # Not wait_for: before Python 3.12 it forgets that it was cancelled when the answer comes at the same moment.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_WAIT_S):
                await self._answered.wait()

    async def _beat(self, heartbeat: Heartbeat) -> None:
        while True:
            await asyncio.sleep(heartbeat.interval_s)
            self.reply(heartbeat.payload, binary=heartbeat.binary)


async def _send(socket: ClientConnection, payload: bytes, *, binary: bool) -> None:
    # The receiving side tells why a socket ended.
    with contextlib.suppress(ConnectionClosed):
        await socket.send(payload, text=not binary)


def _without_query(url: str) -> str:
    """Tokens are in the query: they stay out of logs."""
    return url.partition("?")[0]
