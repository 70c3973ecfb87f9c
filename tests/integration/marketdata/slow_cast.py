"""Slow sources of a simulated exchange, asked many times faster than in earnest."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from channels.db import database_sync_to_async
from django.db import connection
from django.db.models import Count, Max, Min

from marketdata.models import Observation, SlowSource
from marketdata.sources.fleet import run_slow_sources
from marketdata.sources.service import Timing
from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]
FAST = Timing(lease_ttl=timedelta(seconds=3), look_every_s=0.1, first_retry_s=0.2, restart_after_s=0.5, pace=1 / 60)
# A process of its own that asks, until it is killed.
_PROGRAM = """
import asyncio, datetime, os, django
django.setup()
from marketdata.sources.fleet import run_slow_sources
from marketdata.sources.service import Timing
ttl = datetime.timedelta(seconds=2)
asyncio.run(run_slow_sources(timing=Timing(lease_ttl=ttl, look_every_s=0.1, pace=1 / 60)))
"""


@asynccontextmanager
async def running_sources(timing: Timing = FAST, **options) -> AsyncIterator["asyncio.Task[None]"]:
    """Stopped as it should be at the end."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_slow_sources(stop=stop, timing=timing, **options))
    try:
        yield task
        assert not task.done(), task.exception()
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE_S)


def start_process(simulator_url: str) -> "subprocess.Popen[bytes]":
    url = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{connection.settings_dict['NAME']}"
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "SIMULATOR_URL": simulator_url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


async def add_source(kind: str, name: str = "", **fields) -> SlowSource:
    return await SlowSource.objects.acreate(name=name or kind, kind=kind, environment="simulated", **fields)


async def until(check, *, timeout_s: float = PATIENCE_S) -> Any:
    """Ask the database until it is true."""
    async with asyncio.timeout(timeout_s):
        while True:
            result = await database_sync_to_async(check, thread_sensitive=False)()
            if result:
                return result
            await asyncio.sleep(0.05)


async def state_of(name: str, state: str, *, reason: str = "", timeout_s: float = PATIENCE_S) -> SlowSource:
    """Wait until a source is so."""

    def look() -> SlowSource | None:
        row = SlowSource.objects.get(name=name)
        return row if row.state == state and reason in row.reason else None

    try:
        return await until(look, timeout_s=timeout_s)
    except TimeoutError:
        row = await SlowSource.objects.aget(name=name)
        raise AssertionError(f"{name} is {row.state}: {row.reason}, not {state}: {reason}") from None


def series() -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """(symbol, kind, key) → (number, oldest, newest), headlines as one."""
    rows = Observation.objects.exclude(kind="headline").values_list("symbol", "kind", "key")
    return {
        (symbol, kind, key): (number, oldest, newest)
        for symbol, kind, key, number, oldest, newest in rows.annotate(
            n=Count("pk"), oldest=Min("ts_event"), newest=Max("ts_event")
        )
    }


def asked(simulator_url: str) -> dict[str, Any]:
    return httpx.get(f"{simulator_url}/sim/slow").json()


def break_answers(simulator_url: str, path: str, kind: str, *, times: int = 1_000, retry_after_s: int = 1) -> None:
    wanted = {"path": path, "kind": kind, "times": times, "retry_after_s": retry_after_s}
    httpx.post(f"{simulator_url}/sim/slow", json=wanted).raise_for_status()
