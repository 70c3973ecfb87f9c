"""What ends a row of failures: market data, and nothing else that a venue may send."""

import asyncio
import random

import pytest
from websockets.asyncio.server import ServerConnection, serve

from marketdata.connection import ConnectBudget, Connection, ConnectionSettings


async def failures_of(*frames: bytes, drops: int) -> list[int]:
    """Failures in a row, after each of so many sockets that bring `frames` and end."""
    told: list[int] = []
    done = asyncio.Event()

    async def handle(socket: ServerConnection) -> None:
        for frame in frames:
            await socket.send(frame)

    def down(reason: str, failures: int) -> None:
        told.append(failures)
        if len(told) == drops:
            done.set()

    async def pace() -> None:
        await asyncio.sleep(0)

    async with serve(handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]

        async def address() -> str:
            return f"ws://127.0.0.1:{port}"

        connection = Connection(
            ConnectionSettings(reconnect_max_s=0.01), address=address, on_frame=lambda frame, _: frame == b"data",
            on_up=lambda: None, on_down=down, on_not_allowed=lambda message: None, pace=pace,
            budget=ConnectBudget(300), rng=random.Random(1),
        )  # fmt: skip
        task = asyncio.create_task(connection.run())
        try:
            async with asyncio.timeout(60):
                await done.wait()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return told[:drops]


@pytest.mark.parametrize("frames", [(), (b"welcome",), (b"status", b"ack"), (b"status", b"ack", b"heartbeat")])
async def test_greetings_and_answers_do_not_end_a_row_of_failures(frames):
    assert await failures_of(*frames, drops=5) == [1, 2, 3, 4, 5]


async def test_market_data_does():
    assert await failures_of(b"status", b"ack", b"data", drops=3) == [1, 1, 1]
