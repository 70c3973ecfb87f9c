"""Records that come seconds late, or a clock that was set: the stream alone cannot tell, the venue's REST can."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.integration.marketdata.feed_faults.cast import is_state, live_feed

LATE_S = 3.0

pytestmark = pytest.mark.usefixtures("venue")


class Way:
    """The way from the venue's sockets to the feed; what comes takes `late_s` longer."""

    def __init__(self) -> None:
        self.late_s = 0.0
        self.sockets = 0


@asynccontextmanager
async def way_to(websocket_url: str) -> AsyncIterator[tuple[Way, str]]:
    way = Way()

    async def handle(feed: ServerConnection) -> None:
        way.sockets += 1
        waiting: asyncio.Queue[tuple[float, str | bytes]] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        async with connect(websocket_url + feed.request.path, max_size=None) as venue:

            async def ask() -> None:
                async for message in feed:
                    await venue.send(message)

            async def hear() -> None:
                async for message in venue:
                    waiting.put_nowait((loop.time(), message))

            async def tell() -> None:
                while True:
                    heard_s, message = await waiting.get()
                    await asyncio.sleep(max(0.0, heard_s + way.late_s - loop.time()))
                    await feed.send(message)

            tasks = [asyncio.create_task(work()) for work in (ask, hear, tell)]
            _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            with contextlib.suppress(ConnectionClosed):
                await asyncio.gather(*tasks, return_exceptions=True)

    async with serve(handle, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield way, f"ws://127.0.0.1:{port}"


async def test_data_that_stays_late_on_new_sockets_is_never_live_again(market, venue):
    async with way_to(market.websocket_url) as (way, url):
        venue.websocket_url = url
        await sync_to_async(venue.save)()
        async with live_feed(market) as scene:
            way.late_s = LATE_S
            await scene.until(is_state("fallback", reason="late"))
            await scene.until_true(lambda: way.sockets == 2)
            scene.skip_heard()
            counted = scene.stream.counts["flagged.late"]
            await scene.until_true(lambda: scene.stream.counts["flagged.late"] > counted + 100)
            assert scene.stream.state != "live"
            assert scene.stream.lag_ns > (LATE_S - 1) * 1e9
            way.late_s = 0.0
            await scene.until(is_state("live"))
            await scene.book_is_the_venues()


@pytest.mark.parametrize("milliseconds", [-4_000, 4_000])
async def test_a_venues_clock_that_was_set_is_learned_from_its_rest(market, milliseconds):
    async with live_feed(market) as scene:
        await scene.switch("clock_skew", milliseconds=milliseconds, seconds=60)
        if milliseconds < 0:
            await scene.until(lambda event: is_state("stale")(event) or is_state("fallback")(event))
            await scene.until(is_state("live"))
        sockets = scene.service.feed.source.sockets
        await scene.until_true(lambda: abs(scene.service.feed.clock.offset_ns + milliseconds * 1e6) < 1e9)
        assert [socket.connection.connects for socket in sockets] == [1]
        assert scene.stream.lag_ns < 1e9
