"""The venue as a process: from its options to its exit code."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress

import uvloop

from marketdata.simulator.options import Options
from marketdata.simulator.server import HOST, Server, StartError


async def _serve(options: Options) -> None:
    server = Server(options)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await server.start()
        _announce(server)
        running = asyncio.create_task(server.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (running, stopping):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await running
    finally:
        await server.stop()


def _announce(server: Server) -> None:
    options = server.options
    account = server.venue.demo_account()
    server.welcome(account)
    key_file = server.venue.write_key_file(account)
    rest_url, websocket_url = f"http://{HOST}:{server.port}", f"ws://{HOST}:{server.port}"
    if options.json or options.port == 0:
        line: dict[str, object] = {
            "ready": True,
            "rest_url": rest_url,
            "websocket_url": websocket_url,
            "pid": os.getpid(),
            "key_file": str(key_file),
        }
        if options.print_keys:
            line |= {"key": account.key, "secret": account.secret}
        _say(json.dumps(line))
        return
    _say(f"Simulated exchange at {rest_url} and {websocket_url}, keys in {key_file}")
    if options.print_keys:
        _say(f"API key    {account.key}\nAPI secret {account.secret}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run(options: Options) -> int:
    """Run until SIGINT or SIGTERM; the exit code is 0 then, 2 when the venue cannot start."""
    try:
        uvloop.run(_serve(options))
    except StartError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0
