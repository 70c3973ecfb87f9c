"""Requests on the way to a venue: never more than it allows, even where the way holds them up and lets them go together."""

import asyncio
import contextlib
import random
import time
from functools import partial

import pytest
from websockets.asyncio.server import ServerConnection, serve

from marketdata.connection import ConnectBudget, Connection, ConnectionSettings, MessagePace

REQUESTS = 5
# In this time all requests would come, were they not waiting.
HEARD_BESIDE_S = 0.2


async def beside(*, answers_requests: bool) -> list[int]:
    """How many more requests had come when each was read, by a venue that takes its time to answer."""
    found: list[int] = []
    all_read = asyncio.Event()

    async def handle(socket: ServerConnection) -> None:
        waiting = [await socket.recv()]
        read = 0
        while waiting:
            await asyncio.sleep(HEARD_BESIDE_S)
            with contextlib.suppress(TimeoutError):
                while True:
                    waiting.append(await asyncio.wait_for(socket.recv(), 0.01))
            found.append(len(waiting) - 1)
            waiting.pop(0)
            read += 1
            await socket.send(b"read")
            if read == REQUESTS:
                all_read.set()
            elif not waiting:
                waiting.append(await socket.recv())

    def up() -> None:
        for number in range(REQUESTS):
            connection.send(partial(bytes, [48 + number]))

    async def pace() -> None:
        await asyncio.sleep(0)

    async with serve(handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]

        async def address() -> str:
            return f"ws://127.0.0.1:{port}"

        connection = Connection(
            ConnectionSettings(messages_per_s=200, answers_requests=answers_requests),
            address=address,
            on_frame=lambda frame, ts_init: connection.answered(),
            on_up=up,
            on_down=lambda reason, failures: None,
            on_not_allowed=lambda message: None,
            pace=pace,
            budget=ConnectBudget(300),
            rng=random.Random(1),
        )
        task = asyncio.create_task(connection.run())
        try:
            async with asyncio.timeout(20):
                await all_read.wait()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return found


async def test_a_request_waits_until_the_venue_has_read_the_one_before():
    assert await beside(answers_requests=True) == [0] * REQUESTS


async def test_a_venue_that_answers_nothing_is_asked_all_the_same():
    assert await beside(answers_requests=False) == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("askers", [1, 7])
async def test_who_shares_a_pace_takes_turns(askers):
    pace, began_s = MessagePace(100), time.monotonic()

    async def ask() -> None:
        for _ in range(14 // askers):
            await pace.turn()

    await asyncio.gather(*(ask() for _ in range(askers)))
    assert time.monotonic() - began_s >= 13 * 0.01


async def test_a_socket_that_ends_with_its_answer_is_replaced():
    """The answer and the loss are heard in the same turn of the event loop."""
    connects = 0
    again = asyncio.Event()

    async def handle(socket: ServerConnection) -> None:
        nonlocal connects
        connects += 1
        if connects > 1:
            again.set()
        await socket.recv()
        await socket.send(b"read")
        socket.transport.abort()

    def up() -> None:
        for number in range(REQUESTS):
            connection.send(partial(bytes, [48 + number]))

    def frame(payload: bytes, ts_init: int) -> None:
        connection.answered()
        connection.renew()

    async def pace() -> None:
        await asyncio.sleep(0)

    async with serve(handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]

        async def address() -> str:
            return f"ws://127.0.0.1:{port}"

        connection = Connection(
            ConnectionSettings(messages_per_s=200, answers_requests=True),
            address=address,
            on_frame=frame,
            on_up=up,
            on_down=lambda reason, failures: None,
            on_not_allowed=lambda message: None,
            pace=pace,
            budget=ConnectBudget(300),
            rng=random.Random(1),
        )
        task = asyncio.create_task(connection.run())
        try:
            async with asyncio.timeout(10):
                await again.wait()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
