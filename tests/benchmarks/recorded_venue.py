"""A venue, in a process of its own, that sends a recording to whoever connects, as fast as it is read."""

import asyncio
import os
import sys
from pathlib import Path

import uvloop
from websockets.asyncio.server import ServerConnection, serve

from marketdata.recording.reading import read_capture

DATA = Path(os.environ.get("SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
CAPTURE = DATA / "captures" / "binance_spot_btcusdt_20240808.gz"
# One pass: a second one would be refused as old, which costs less.
FRAMES = 41_000


def frames() -> list[bytes]:
    """The recording's own mix, without its image of the book."""
    recorded = [frame.payload for frame in read_capture(CAPTURE)]
    streamed = [frame for frame in recorded if not frame.startswith(b'{"lastUpdateId"')]
    return (streamed * (FRAMES // len(streamed) + 1))[:FRAMES]


async def send_all(port: int) -> None:
    """The venue, in a process of its own: everything at once to whoever connects."""
    prepared = frames()
    done = asyncio.Event()

    async def handle(socket: ServerConnection) -> None:
        for frame in prepared:
            await socket.send(frame, text=True)
        await socket.send(b'{"result":null,"id":999}', text=True)
        await socket.wait_closed()

    async with serve(handle, "127.0.0.1", port, compression=None, ping_interval=None):
        print("ready", flush=True)
        await done.wait()


if __name__ == "__main__":
    uvloop.run(send_all(int(sys.argv[1])))
