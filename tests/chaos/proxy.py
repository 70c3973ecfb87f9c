"""A door in front of PostgreSQL or Redis that cuts, freezes, refuses and slows; it knows PostgreSQL's COMMIT.

A cut at COMMIT is made either before the server sees it, or when the server has answered and the client has not heard.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

# Query messages ("Q") and parsed ones ("P") of the front end hold the statement's text.
COMMIT = b"COMMIT"


class Cut(StrEnum):
    """Where the next COMMIT is cut."""

    NEVER = "never"
    BEFORE = "before"
    AFTER = "after"


class Proxy:
    """Passes bytes on. Switches are read at every piece; each cut is for one COMMIT."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.cut = Cut.NEVER
        self.is_refusing = False
        self.delay_s = 0.0
        self.cuts = 0
        self._flows = asyncio.Event()
        self._flows.set()

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(30)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def freeze(self) -> None:
        """Nothing passes until `thaw`; connections stay open."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def thaw(self) -> None:
        self._loop.call_soon_threadsafe(self._flows.set)

    def cut_all(self) -> None:
        """Every connection, now."""
        asyncio.run_coroutine_threadsafe(self._cut_all(), self._loop).result(30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._cut_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _cut_all(self) -> None:
        for writer in list(self._open):
            _reset(writer)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._accept(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_refusing:
            _reset(writer)
            return
        to_server: asyncio.StreamWriter | None = None
        try:
            from_server, to_server = await asyncio.open_connection(*self._target)
            self._open |= {writer, to_server}
            # Set when a COMMIT was passed on whose answer must not be heard.
            deaf = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, to_server, deaf, is_client=True))
                group.create_task(self._pass(from_server, writer, deaf, is_client=False))
        except* (ConnectionError, _Ended):
            pass
        finally:
            for end in (writer, to_server):
                if end is not None:
                    self._open.discard(end)
                    _reset(end)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event, *, is_client: bool
    ) -> None:
        while piece := await reader.read(65_536):
            await self._flows.wait()
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if is_client and self.cut is not Cut.NEVER and COMMIT in piece:
                how, self.cut = self.cut, Cut.NEVER
                self.cuts += 1
                if how is Cut.BEFORE:
                    raise _Ended
                deaf.set()
            elif not is_client and deaf.is_set():
                # The server has carried it out: this is what it says.
                raise _Ended
            writer.write(piece)
            await writer.drain()
        raise _Ended


class _Ended(Exception):
    """One side is gone."""


def _reset(writer: asyncio.StreamWriter) -> None:
    found = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.close()


@contextmanager
def proxied(host: str, port: int) -> Iterator[Proxy]:
    """A running proxy in front of a server."""
    proxy = Proxy(host, port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
