"""Browser sockets: translate frames for the hub."""

import asyncio
import contextlib
from typing import Any

import msgspec
from autobahn.exception import Disconnected
from channels.generic.websocket import AsyncWebsocketConsumer

from bots.dashboard.backpressure import gate_of
from bots.dashboard.channels import MAX_CHANNELS, UnknownChannel, parse_channel
from bots.dashboard.events import parse_id
from bots.dashboard.hub import Hub, encode, hub_of_process
from bots.dashboard.sockets import BrowserGone, BrowserSocket

NOT_SIGNED_IN = 4401
NOT_YOURS = 4403
TOO_MANY = 4429
MAX_FRAME = 32_768
UNASKED_AFTER_S = 2.0
PONG = encode({"type": "pong"})


class Frame(msgspec.Struct):
    """What a browser says."""

    action: str
    channels: list[str] = []
    last_seq: str | None = None
    all_seq: str | None = None


decode_frame = msgspec.json.Decoder(Frame).decode


class LiveConsumer(AsyncWebsocketConsumer):
    """`/ws/v1`: events of the channels that are subscribed to."""

    all_topics = False
    browser: BrowserSocket | None = None
    hub: Hub
    unasked: asyncio.Task[None] | None = None
    is_caught_up = False

    async def connect(self) -> None:
        scope: dict[str, Any] = {**self.scope}
        user, session = scope["user"], scope["session"]
        refused = NOT_SIGNED_IN if not user.is_authenticated else self.refusal(user.pk)
        # Accepted first: before that a browser is told nothing but that it failed.
        await self.accept()
        if refused is not None:
            await self.close(code=refused)
            return
        self.hub = hub_of_process()
        if self.hub.is_full_for(user.pk):
            await self.close(code=TOO_MANY)
            return
        self.browser = BrowserSocket(
            user_id=user.pk,
            session_key=session.session_key,
            all_topics=self.all_topics,
            gate=gate_of(self.base_send),
            send=self.write,
            close=self.finish,
        )
        await self.hub.join(self.browser)
        if self.all_topics:
            self.unasked = asyncio.create_task(self.go_live_unasked())

    def refusal(self, user_id: int) -> int | None:
        return None

    async def disconnect(self, code: int) -> None:
        if self.unasked is not None:
            self.unasked.cancel()
        if self.browser is not None:
            self.hub.leave(self.browser)
            await self.browser.stop()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.browser is None:
            return
        if text_data is None or len(text_data) > MAX_FRAME:
            self.complain("bad_frame", f"Send JSON text of at most {MAX_FRAME} characters.")
            return
        try:
            frame = decode_frame(text_data)
            await self.obey(self.browser, frame)
        except msgspec.DecodeError as error:
            self.complain("bad_frame", f'Not understood: {error}. Send {{"action": "subscribe", "channels": [...]}}.')
        except UnknownChannel as error:
            self.complain("unknown_channel", str(error))

    async def obey(self, browser: BrowserSocket, frame: Frame) -> None:
        if frame.action == "ping":
            browser.show("pong", PONG)
            return
        if frame.action not in ("subscribe", "unsubscribe"):
            self.complain("unknown_action", f"{frame.action[:40]!r}: allowed are subscribe, unsubscribe and ping.")
            return
        channels = [parse_channel(name) for name in frame.channels]
        if frame.action == "unsubscribe":
            self.hub.unfollow(browser, channels)
            browser.tell(encode({"type": "unsubscribed", "channels": frame.channels}))
            return
        if len(browser.markets | set(frame.channels)) > MAX_CHANNELS:
            self.complain("too_many_channels", f"At most {MAX_CHANNELS} channels to a connection: unsubscribe some.")
            return
        browser.tell(encode({"type": "subscribed", "channels": frame.channels}))
        await self.hub.follow(browser, channels)
        if not self.is_caught_up:
            self.is_caught_up = True
            if self.unasked is not None:
                self.unasked.cancel()
            await self.hub.catch_up(browser, parse_id(frame.last_seq), parse_id(frame.all_seq))

    async def go_live_unasked(self) -> None:
        """Who asks for nothing gets the events from the connection on."""
        await asyncio.sleep(UNASKED_AFTER_S)
        if self.browser is not None and not self.is_caught_up:
            self.is_caught_up = True
            await self.hub.catch_up(self.browser, self.browser.position, self.browser.all_position)

    def complain(self, code: str, message: str) -> None:
        if self.browser is not None:
            self.browser.tell(encode({"type": "error", "code": code, "message": message}))

    async def write(self, text: str) -> None:
        try:
            await self.base_send({"type": "websocket.send", "bytes": None, "text": text})
        except (Disconnected, OSError) as error:
            # The server closes before it says that the other side has gone.
            raise BrowserGone(str(error)) from error

    async def finish(self, code: int) -> None:
        with contextlib.suppress(RuntimeError):
            await self.close(code=code)


class TradingConsumer(LiveConsumer):
    """`/ws/trading/<own user id>`: everything of that person."""

    all_topics = True

    def refusal(self, user_id: int) -> int | None:
        kwargs: dict[str, Any] = self.scope["url_route"]["kwargs"]
        return None if kwargs["user_id"] == user_id else NOT_YOURS
