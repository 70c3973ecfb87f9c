"""The one place of a web process that listens for its browsers.

It reads the event streams and the tick groups once, however many sockets there are, encodes each update once, and
hands the text to every socket that wants it. Started by the first socket: Daphne tells applications nothing of
its start.
"""

import asyncio
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import structlog
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from redis.exceptions import RedisError

from bots.dashboard.access import still_allowed
from bots.dashboard.channels import Market, Topic
from bots.dashboard.events import ALL, START, EventStreams, StreamId, id_text, user_stream
from bots.dashboard.market_hub import MarketHub
from bots.dashboard.sockets import BrowserSocket
from bots.models import User
from bots.queries.snapshot import live_snapshot

log = structlog.get_logger(__name__)

CHECK_ACCESS_S = 3.0
RETRY_S = 0.5
LOGGED_OUT = 4401
# Of one person on one web process: more are a page that runs wild.
MAX_SOCKETS = 100

_encode = msgspec.json.Encoder().encode


def encode(message: dict[str, Any]) -> str:
    return _encode(message).decode()


INTERRUPTED = encode(
    {
        "type": "error",
        "code": "interrupted",
        "message": "Live updates are interrupted: a server behind this one does not answer. They go on by themselves.",
    }
)


class Hub:
    """All methods belong to one event loop."""

    def __init__(self, *, redis_url: str, layer: Any, check_access_s: float = CHECK_ACCESS_S) -> None:
        self._streams = EventStreams(redis_url)
        self._sockets: dict[int, set[BrowserSocket]] = {}
        self._positions: dict[str, StreamId] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._check_access_s = check_access_s
        self._interrupted = False
        self.markets = MarketHub(layer)

    # --- Sockets come and go --------------------------------------------------------------------------------

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._forever("events", self._read_events)),
            asyncio.create_task(self._forever("access", self._check_access)),
        ]
        self.markets.start()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.markets.stop()
        await self._streams.close()

    @property
    def sockets(self) -> list[BrowserSocket]:
        return [socket for group in self._sockets.values() for socket in group]

    def is_full_for(self, user_id: int) -> bool:
        return len(self._sockets.get(user_id, ())) >= MAX_SOCKETS

    async def join(self, socket: BrowserSocket) -> None:
        """Keep events for the socket from here on."""
        stream = user_stream(socket.user_id)
        for name in (stream, ALL):
            if name not in self._positions:
                last = await self._last_id(name)
                # Another socket of the same person may have been here meanwhile.
                self._positions.setdefault(name, last)
        socket.position, socket.all_position = self._positions[stream], self._positions[ALL]
        self._sockets.setdefault(socket.user_id, set()).add(socket)

    def leave(self, socket: BrowserSocket) -> None:
        group = self._sockets.get(socket.user_id, set())
        group.discard(socket)
        if not group:
            self._sockets.pop(socket.user_id, None)
            self._positions.pop(user_stream(socket.user_id), None)
        self.markets.drop(socket)

    async def follow(self, socket: BrowserSocket, wanted: list[Topic | Market]) -> None:
        socket.topics |= {channel for channel in wanted if isinstance(channel, Topic)}
        await self.markets.follow(socket, [channel for channel in wanted if isinstance(channel, Market)])

    def unfollow(self, socket: BrowserSocket, unwanted: list[Topic | Market]) -> None:
        socket.topics -= {channel for channel in unwanted if isinstance(channel, Topic)}
        self.markets.unfollow(socket, [channel for channel in unwanted if isinstance(channel, Market)])

    # --- Catching up ----------------------------------------------------------------------------------------

    async def catch_up(self, socket: BrowserSocket, after: StreamId | None, all_after: StreamId | None) -> None:
        """Tell what was missed since a position, or everything as it is now; then go on live."""
        socket.hold()
        try:
            missed = await self._missed(socket, after, all_after)
            if missed is None:
                await self.send_snapshot(socket)
        except (RedisError, OSError, DatabaseError) as error:
            log.warning("hub.catch_up.failed", user_id=socket.user_id, error=f"{type(error).__name__}: {error}")
            socket.tell(INTERRUPTED)
            self._interrupted = True
            return
        if missed is not None:
            socket.position, socket.all_position = after or START, all_after or after or START
            socket.is_live = True
            for event, to_all in missed:
                socket.deliver(event, to_all=to_all)
        socket.go_live()

    async def _missed(
        self, socket: BrowserSocket, after: StreamId | None, all_after: StreamId | None
    ) -> list[tuple[Any, bool]] | None:
        if after is None:
            return None
        own = await self._streams.since(user_stream(socket.user_id), after)
        others = await self._streams.since(ALL, all_after or after)
        if own is None:
            return None
        # Without a position of its own in the stream to all, what is too old there is only news that has passed.
        events = [(event, False) for event in own] + [(event, True) for event in others or []]
        return sorted(events, key=lambda pair: pair[0].stream_id)

    async def send_snapshot(self, socket: BrowserSocket) -> None:
        """The state as it is, and the position it is at: read first, so that nothing falls between."""
        position = await self._streams.last_id(user_stream(socket.user_id))
        all_position = await self._streams.last_id(ALL)
        data = await _snapshot(socket.user_id)
        if data is None:
            socket.end(LOGGED_OUT)
            return
        socket.position, socket.all_position = position, all_position
        message = {"type": "snapshot", "seq": id_text(position), "all_seq": id_text(all_position), "data": data}
        socket.tell(encode(message))

    async def _last_id(self, stream: str) -> StreamId:
        """START where Redis is away: when it is back, everybody gets a snapshot anyway."""
        try:
            return await self._streams.last_id(stream)
        except (RedisError, OSError):
            self._interrupted = True
            return START

    # --- Tasks ----------------------------------------------------------------------------------------------

    async def _forever(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Go on when Redis or the database comes back."""
        while True:
            try:
                await work()
            except (RedisError, OSError) as error:
                if not self._interrupted:
                    log.warning("hub.interrupted", task=name, error=f"{type(error).__name__}: {error}")
                    for socket in self.sockets:
                        socket.tell(INTERRUPTED)
                self._interrupted = True
                await asyncio.sleep(RETRY_S)
            except Exception:  # the supervisor of this process's browsers
                log.exception("hub.failed", task=name)
                await asyncio.sleep(RETRY_S)

    async def _read_events(self) -> None:
        while True:
            if not self._sockets:
                await asyncio.sleep(0.05)
                continue
            asked = dict(self._positions)
            found = await self._streams.wait(asked)
            if self._interrupted:
                await self._recover()
            for stream, events in found.items():
                if events and stream in self._positions:
                    self._positions[stream] = events[-1].stream_id
                    for event in events:
                        for socket in self._listeners(stream):
                            socket.deliver(event, to_all=stream == ALL)

    def _listeners(self, stream: str) -> list[BrowserSocket]:
        if stream == ALL:
            return self.sockets
        return list(self._sockets.get(int(stream.rpartition(":")[2]), ()))

    async def _recover(self) -> None:
        """After an outage: positions may be of streams that are gone, and states may have changed unseen."""
        self._interrupted = False
        for stream in list(self._positions):
            self._positions[stream] = await self._last_id(stream)
        for socket in self.sockets:
            await self.catch_up(socket, None, None)
        log.info("hub.recovered", sockets=len(self.sockets))

    async def _check_access(self) -> None:
        while True:
            await asyncio.sleep(self._check_access_s)
            asked = {(socket.user_id, socket.session_key) for socket in self.sockets}
            if not asked:
                continue
            allowed = await database_sync_to_async(still_allowed)(asked)
            for socket in self.sockets:
                key = (socket.user_id, socket.session_key)
                if key in asked and key not in allowed:
                    socket.end(LOGGED_OUT)


@database_sync_to_async
def _snapshot(user_id: int) -> dict[str, Any] | None:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return None if user is None else live_snapshot(user, now=timezone.now())


_hubs: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = weakref.WeakKeyDictionary()


def hub_of_process() -> Hub:
    """The hub of the running event loop, started when there is none."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub(redis_url=settings.REDIS_URL, layer=get_channel_layer())
        hub.start()
    return hub
