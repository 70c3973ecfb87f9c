"""The sockets of one venue: as few as its limit of streams allows, each carrying many symbols."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import count

from marketdata.connection import Connection, ConnectionSettings
from marketdata.exchanges.adapter import Adapter


class SocketPool:
    """Opens a socket when a symbol needs one and subscribes on it without touching the others.

    on_frame(frame, ts_init); on_up(symbols) and on_down(symbols, reason, failures) name the unified symbols carried.
    """

    def __init__(
        self,
        *,
        adapter: Adapter,
        settings: ConnectionSettings,
        on_frame: Callable[[bytes, int], None],
        on_up: Callable[[Connection, Sequence[str]], None],
        on_down: Callable[[Connection, Sequence[str], str, int], None],
        on_failure: Callable[[BaseException], None],
        pace: Callable[[], Awaitable[None]],
        rng: random.Random,
    ) -> None:
        self._adapter = adapter
        self._settings = settings
        self._on_frame = on_frame
        self._on_up = on_up
        self._on_down = on_down
        self._on_failure = on_failure
        self._pace = pace
        self._rng = rng
        self._streams: dict[Connection, dict[str, tuple[str, ...]]] = {}
        self._tasks: dict[Connection, asyncio.Task[None]] = {}
        # Streams for the next messages, gathered so that many symbols cost few messages.
        self._joining: dict[Connection, list[str]] = {}
        self._leaving: dict[Connection, list[str]] = {}
        self._request_ids = count(1)

    @property
    def connections(self) -> list[Connection]:
        return list(self._streams)

    def add(self, symbol: str, venue_symbol: str) -> Connection:
        """Subscribe a symbol on a socket with room, at once when that is up."""
        streams = self._adapter.streams(venue_symbol)
        room = self._adapter.limits.streams_per_connection - len(streams)
        for connection, carried in self._streams.items():
            if sum(map(len, carried.values())) <= room:
                carried[symbol] = streams
                if connection.is_up:
                    self._subscribe(connection, streams)
                    self._on_up(connection, [symbol])
                return connection
        return self._open(symbol, streams)

    def remove(self, symbol: str) -> None:
        """Unsubscribe a symbol; its socket closes with the last one."""
        for connection, carried in list(self._streams.items()):
            streams = carried.pop(symbol, None)
            if streams is None:
                continue
            if not carried:
                del self._streams[connection]
                self._forget(connection)
                self._tasks.pop(connection).cancel()
            elif connection.is_up:
                self._unsubscribe(connection, streams)

    def resubscribe(self, symbol: str) -> None:
        """Ask again for streams that stopped."""
        for connection, carried in self._streams.items():
            if symbol in carried and connection.is_up:
                self._unsubscribe(connection, carried[symbol])
                self._subscribe(connection, carried[symbol])

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _open(self, symbol: str, streams: tuple[str, ...]) -> Connection:
        carried = {symbol: streams}

        def up() -> None:
            self._forget(connection)
            everything = [stream for streams in carried.values() for stream in streams]
            self._subscribe(connection, everything)
            self._on_up(connection, list(carried))

        def down(reason: str, failures: int) -> None:
            self._on_down(connection, list(carried), reason, failures)

        connection = Connection(
            self._settings, on_frame=self._on_frame, on_up=up, on_down=down, pace=self._pace, rng=self._rng
        )
        self._streams[connection] = carried
        task = asyncio.create_task(connection.run())
        task.add_done_callback(self._ended)
        self._tasks[connection] = task
        return connection

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_failure(error)

    def _subscribe(self, connection: Connection, streams: Sequence[str]) -> None:
        self._joining.setdefault(connection, []).extend(streams)
        self._send(connection, len(streams))

    def _unsubscribe(self, connection: Connection, streams: Sequence[str]) -> None:
        joining = self._joining.setdefault(connection, [])
        joining[:] = [stream for stream in joining if stream not in streams]
        self._leaving.setdefault(connection, []).extend(streams)
        self._send(connection, len(streams))

    def _send(self, connection: Connection, streams: int) -> None:
        for _ in range(0, streams, self._adapter.limits.streams_per_message):
            connection.send(partial(self._next_message, connection))

    def _next_message(self, connection: Connection) -> bytes | None:
        """As much of what waits as one message carries. Leaving goes first: who asks again stays."""
        for waiting, make in (
            (self._leaving.get(connection), self._adapter.unsubscribe),
            (self._joining.get(connection), self._adapter.subscribe),
        ):
            if waiting:
                size = self._adapter.limits.streams_per_message
                chunk, waiting[:] = waiting[:size], waiting[size:]
                return make(chunk, request_id=next(self._request_ids))
        return None

    def _forget(self, connection: Connection) -> None:
        self._joining.pop(connection, None)
        self._leaving.pop(connection, None)
