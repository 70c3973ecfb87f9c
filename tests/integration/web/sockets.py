"""A web process of its own, and browsers that talk to it over real sockets."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import msgspec
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from marketdata.batches import MESSAGE_TYPE, encode_batch, tick_group
from marketdata.events import Batch, Event
from tests.patience import PATIENCE_S

ORIGIN = "http://localhost:8000"


def test_database_url() -> str:
    given = connection.settings_dict
    return (
        f"postgres://{quote(given['USER'])}:{quote(given['PASSWORD'])}@{given['HOST']}:{given['PORT']}/{given['NAME']}"
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def web_process(redis_url: str | None = None) -> Iterator[int]:
    """Daphne on a free port; gives the port."""
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": test_database_url(),
        "REDIS_URL": redis_url or settings.REDIS_URL,
        "SITE_URL": ORIGIN,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port), "tradingsite.asgi:application"],
        env=environment,
        cwd=settings.BASE_DIR,
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"daphne did not start (exit code {process.poll()})") from None
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def sign_in(user: Any) -> str:
    """A session of the person; gives its cookie."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


class Browser:
    """One socket, read message by message."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.heard: list[dict[str, Any]] = []

    async def say(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def hear(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next message of a type, with those fields; others are kept in `heard`."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = json.loads(await self.connection.recv())
                self.heard.append(message)
                inside = {**message, **message.get("data", {})} if isinstance(message.get("data"), dict) else message
                if message["type"] == kind and all(inside.get(name) == value for name, value in fields.items()):
                    return message

    async def closed(self) -> int | None:
        """Wait for the end; gives its code."""
        async with asyncio.timeout(PATIENCE_S):
            await self.connection.wait_closed()
        return self.connection.close_code


@contextlib.asynccontextmanager
async def browser(
    port: int, path: str, cookie: str = "", origin: str | None = ORIGIN, **options: Any
) -> AsyncIterator[Browser]:
    headers = {"Cookie": cookie} if cookie else {}
    async with connect(
        f"ws://127.0.0.1:{port}{path}",
        additional_headers=headers,
        origin=None if origin is None else Origin(origin),
        proxy=None,
        **options,
    ) as connection:
        yield Browser(connection)


async def publish_ticks(exchange: str, symbol: str, sequence: int, *events: Event) -> None:
    batch = Batch(exchange=exchange, symbol=symbol, epoch=1, sequence=sequence, now_ns=0, events=events)
    message = {"type": MESSAGE_TYPE, "payload": encode_batch(batch)}
    await get_channel_layer().group_send(tick_group(exchange, symbol), message)


def event_json(kind: str, **data: Any) -> bytes:
    return msgspec.json.encode({"type": kind, "ts": "2026-01-01T00:00:00Z", "data": data})
