"""A simulated exchange and the site's processes, on the database and Redis of this run; all gone at the end."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection, connections

from tests.integration.system.commands import Command, Commands
from tests.simulator_fixture import Simulator, running_simulator

_BAD_WORDS = ("Traceback (most recent call last)", "never retrieved", "feed crashed", "was never awaited")


class World:
    """What a scenario works with."""

    def __init__(self, *, market: Simulator, commands: Commands, symbols: Sequence[str], redis_url: str) -> None:
        self.market = market
        self.commands = commands
        self.symbols = symbols
        self.redis_url = redis_url
        self.started: list[Command] = []

    def start(self, *arguments: str, **env: str) -> Command:
        """Run Python with these arguments."""
        command = self.commands.start(*arguments, **env)
        self.started.append(command)
        return command

    def feed(self, *arguments: str) -> Command:
        return self.start("manage.py", "runfeed", "--json", *arguments)

    async def switch(self, name: str, **fields: object) -> None:
        async with httpx.AsyncClient(timeout=30) as client:
            answer = await client.post(f"{self.market.rest_url}/sim/faults", json={"name": name, **fields})
            answer.raise_for_status()

    async def clear_faults(self) -> None:
        async with httpx.AsyncClient(timeout=30) as client:
            rows = (await client.get(f"{self.market.rest_url}/sim/faults")).raise_for_status().json()
        for row in rows:
            if row["on"]:
                await self.switch(row["name"], on=False)

    async def depth(self, symbol: str, levels: int) -> tuple[int, Any, Any]:
        """The exchange's own book: update id, bids, asks."""
        url = f"{self.market.rest_url}/api/v3/depth?symbol={symbol.replace('/', '')}&limit={levels}"
        async with httpx.AsyncClient(timeout=30) as client:
            book = (await client.get(url)).raise_for_status().json()
        bids, asks = (tuple((float(price), float(size)) for price, size in book[side]) for side in ("bids", "asks"))
        return book["lastUpdateId"], bids, asks

    def exceptions(self) -> list[str]:
        """What the processes said that nobody should have to say."""
        found = []
        for command in self.started:
            said = command.said
            found += [
                f"{command.name}: {said[(at := said.find(word)) : at + 6000]}" for word in _BAD_WORDS if word in said
            ]
        return found


async def until(check: Callable[[], Any], *, timeout_s: float, what: str, every_s: float = 0.05) -> Any:
    """Ask (in the thread of the database) until it is true. Raises TimeoutError that says what did not happen."""
    deadline_s = time.monotonic() + timeout_s
    ask = sync_to_async(check)
    while not (found := await ask()):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"did not happen within {timeout_s:g} s: {what}")
        await asyncio.sleep(every_s)
    return found


def database_url() -> str:
    given = connection.settings_dict
    user, password = quote(given["USER"]), quote(given["PASSWORD"])
    return f"postgres://{user}:{password}@{given['HOST']}:{given['PORT']}/{given['NAME']}"


@asynccontextmanager
async def world(symbols: Sequence[str], *, rate: int = 20, redis_url: str = "", seed: int = 1) -> AsyncIterator[World]:
    """The exchange runs; processes are started by the scenario, and every one of them has ended at the end."""
    redis_url = redis_url or settings.REDIS_URL
    arguments = (
        "--symbols", ",".join(symbols), "--rate", str(rate), "--history-days", "1", "--seed", str(seed),
        "--weight-per-minute", "1000000", "--connections-per-5min", "100000",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, running_simulator(*arguments) as market:
        env = {"DATABASE_URL": database_url(), "REDIS_URL": redis_url, "SIMULATOR_URL": market.rest_url}
        commands = Commands(Path(folder), env | {"LEASE_TTL_S": "6", "LEASE_RENEW_S": "1"})
        there = World(market=market, commands=commands, symbols=symbols, redis_url=redis_url)
        try:
            yield there
        finally:
            commands.stop()
            left = [command.process.pid for command in there.started if psutil.pid_exists(command.process.pid)]
            await sync_to_async(connections.close_all)()
    assert not left, f"processes left behind: {left}"
    assert market.process.poll() is not None
