"""One browser socket: what it follows, what it has been told, and the task that writes to it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from bots.dashboard.backpressure import Gate
from bots.dashboard.channels import TOPIC_OF_EVENT, Topic
from bots.dashboard.events import START, StreamEvent, StreamId
from bots.dashboard.outbox import Outbox

TOO_SLOW = 4408
SLOW_AFTER_S = 30.0


class BrowserGone(ConnectionError):
    """The connection ended while it was written to; the consumer hears of it next."""


class BrowserSocket:
    """`send` and `close` are the consumer's. All methods are called on the hub's event loop."""

    def __init__(
        self,
        *,
        user_id: int,
        session_key: str,
        all_topics: bool,
        gate: Gate,
        send: Callable[[str], Awaitable[None]],
        close: Callable[[int], Awaitable[None]],
        slow_after_s: float = SLOW_AFTER_S,
    ) -> None:
        self.user_id = user_id
        self.session_key = session_key
        self.topics: set[Topic] = set(Topic) if all_topics else set()
        self.markets: set[str] = set()
        self.is_live = False
        self.position: StreamId = START
        self.all_position: StreamId = START
        self.outbox = Outbox()
        self._held: list[tuple[StreamEvent, bool]] = []
        self._gate = gate
        self._send = send
        self._close = close
        self._slow_after_s = slow_after_s
        self._wake = asyncio.Event()
        self._closing: int | None = None
        self._writer = asyncio.create_task(self._write())

    # --- What it is told ------------------------------------------------------------------------------------

    def deliver(self, event: StreamEvent, *, to_all: bool) -> None:
        """Pass on an event, once and in order; before it went live, keep it."""
        if not self.is_live:
            self._held.append((event, to_all))
            return
        position = self.all_position if to_all else self.position
        if event.stream_id <= position:
            return
        if to_all:
            self.all_position = event.stream_id
        else:
            self.position = event.stream_id
        topic = TOPIC_OF_EVENT.get(event.kind)
        if topic is None or topic in self.topics:
            self.tell(event.text)

    def hold(self) -> None:
        """Keep events until `go_live`."""
        self.is_live = False

    def go_live(self) -> None:
        """What was kept follows, then everything as it comes."""
        self.is_live = True
        held, self._held = self._held, []
        for event, to_all in held:
            self.deliver(event, to_all=to_all)

    def tell(self, text: str) -> None:
        """Queue a message that must arrive; a browser too far behind is closed."""
        if self.outbox.put_event(text):
            self._wake.set()
        else:
            self.end(TOO_SLOW)

    def show(self, channel: str, text: str) -> None:
        """Queue the newest of a channel in place of what waits."""
        self.outbox.put_latest(channel, text)
        self._wake.set()

    # --- Its end --------------------------------------------------------------------------------------------

    def end(self, code: int) -> None:
        """Close it, without waiting for what is queued."""
        if self._closing is None:
            self._closing = code
            self._wake.set()

    async def stop(self) -> None:
        """The connection is gone."""
        self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._closing is None and (text := self.outbox.take()) is not None:
                try:
                    async with asyncio.timeout(self._slow_after_s):
                        await self._send(text)
                        if not self._gate.is_open:
                            await self._gate.wait()
                except TimeoutError:
                    self._closing = TOO_SLOW
                except BrowserGone:
                    return
            if self._closing is not None:
                await self._close(self._closing)
                return
