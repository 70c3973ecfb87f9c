"""A web process, and people whose browsers come, look at this and that, and go."""

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import Sequence

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Origin

from tests.chaos.world import World
from tests.integration.system.commands import Command
from tests.integration.web.sockets import ORIGIN, free_port

_START_S = 60.0


async def start_web(there: World) -> tuple[Command, int]:
    """Daphne, when it answers; and its port."""
    port = free_port()
    web = there.start(
        "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port), "tradingsite.asgi:application", SITE_URL=ORIGIN
    )
    deadline = asyncio.timeout(_START_S)
    async with deadline:
        while True:
            assert web.process.poll() is None, web.said[-3000:]
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            return web, port


class Browser:
    """One person's socket at a time; follows a few of the channels, other ones every now and then."""

    def __init__(self, *, url: str, cookie: str, channels: Sequence[str], rng: random.Random) -> None:
        self._url = url
        self._cookie = cookie
        self._channels = channels
        self._rng = rng
        self.counts: Counter[str] = Counter()

    async def live(self) -> None:
        """Until cancelled; a socket that is closed or not answered by the other side is opened again."""
        while True:
            try:
                await self._visit()
            except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError) as error:
                self.counts[f"lost: {type(error).__name__}"] += 1
                await asyncio.sleep(0.5)

    async def _visit(self) -> None:
        async with connect(
            self._url, additional_headers={"Cookie": self._cookie}, origin=Origin(ORIGIN), proxy=None
        ) as socket:
            self.counts["visits"] += 1
            for _ in range(self._rng.randint(1, 6)):
                chosen = self._rng.sample(self._channels, self._rng.randint(1, 6))
                await socket.send(json.dumps({"action": "subscribe", "channels": chosen}))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._rng.uniform(0.5, 4)):
                        while True:
                            self.counts[str(json.loads(await socket.recv())["type"])] += 1
                await socket.send(json.dumps({"action": "unsubscribe", "channels": chosen}))
