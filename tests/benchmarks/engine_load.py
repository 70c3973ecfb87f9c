"""One engine process with 50 bots on 50 symbols of 20 ticks a second each: how much of a core it takes.

Its own servers, its own process, ticks over the real channel layer. The floors are reading
the same batches, and a process that has only set Django up.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.rows import Row

SYMBOLS = 50
TICKS_PER_S = 20
WARM_UP_S = 8.0
MEASURED_S = 12.0
BUDGET_CORES = 0.6


def run() -> dict[str, Row]:
    measured = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.engine_load"], capture_output=True, text=True, check=True, timeout=300
    )
    figures: dict[str, float] = json.loads(measured.stdout.splitlines()[-1])
    return {
        "engine.cores_50_symbols_50_bots": Row(
            value=figures["cores"], unit="cores", floor=figures["reading"], budget=BUDGET_CORES
        ),
        "engine.memory_50_symbols_50_bots": Row(
            value=figures["memory_mb"], unit="MB", floor=figures["bare_mb"], budget=250 + 0.1 * 50
        ),
    }


def main() -> None:
    from tradingsite.servers import EmbeddedServers

    with tempfile.TemporaryDirectory(prefix="tradingsite-bench-") as folder:
        servers = EmbeddedServers(local_dir=Path(folder), durable=False)
        servers.start()
        try:
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "tradingsite.settings",
                "DATABASE_URL": servers.database_url,
                "REDIS_URL": servers.redis_url,
                "LOCAL_DIR": folder,
                "LOG_FILES": "false",
                "LOG_LEVEL": "WARNING",
            }
            print(json.dumps(measure()))
        finally:
            servers.stop()


def measure() -> dict[str, float]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    symbols = make_bots()
    connections.close_all()
    engine = subprocess.Popen([sys.executable, "manage.py", "runbots"], stdout=subprocess.DEVNULL)
    try:
        return asyncio.run(_measure(symbols, psutil.Process(engine.pid)))
    finally:
        engine.terminate()
        engine.wait(15)


def make_bots() -> list[str]:
    """Half are asked on every tick, the others every five seconds or when a bar closes."""
    from bots.models import Bot, BotState, Evaluation
    from marketdata.models import BarRow
    from tests.integration.engine.market import bars_rows
    from tests.integration.orders.cast import make_bot, make_cast, make_instrument

    cast = make_cast()
    Bot.objects.update(state=BotState.STOPPED)
    ways = (Evaluation.TICK, Evaluation.INTERVAL, Evaluation.TICK, Evaluation.BAR_CLOSE)
    symbols = []
    for i in range(SYMBOLS):
        instrument = make_instrument(cast.exchange, f"C{i:02}")
        BarRow.objects.bulk_create(bars_rows(instrument, price=100.0))
        make_bot(cast.account, [instrument], f"Bot {i}", evaluation=ways[i % len(ways)], interval_s=5)
        symbols.append(instrument.symbol)
    return symbols


async def _measure(symbols: list[str], engine: psutil.Process) -> dict[str, float]:
    from marketdata.batches import BatchReader, encode_batch
    from marketdata.events import Batch
    from tests.integration.engine.market import TestFeed

    feeds = [TestFeed(symbol) for symbol in symbols]
    await _play(feeds, WARM_UP_S)
    before = engine.cpu_times()
    started_s = time.monotonic()
    sent = await _play(feeds, MEASURED_S)
    took_s = time.monotonic() - started_s
    after = engine.cpu_times()
    used_s = after.user + after.system - before.user - before.system
    reader = BatchReader()
    payloads = [
        encode_batch(Batch(exchange="x", symbol="y", epoch=1, sequence=n, now_ns=0, events=feeds[0].market(100.0)))
        for n in range(1, sent + 1)
    ]
    began_s = time.process_time()
    for payload in payloads:
        reader.read(payload)
    reading_s = time.process_time() - began_s
    return {
        "cores": used_s / took_s,
        "reading": reading_s / took_s,
        "memory_mb": engine.memory_info().rss / 2**20,
        "bare_mb": psutil.Process().memory_info().rss / 2**20,
    }


async def _play(feeds: list[Any], seconds: float) -> int:
    """Every symbol a book, a quote and a print at a time, so many times that it makes TICKS_PER_S. Gives the batches."""
    rounds = int(seconds * TICKS_PER_S / 3)
    started_s = time.monotonic()
    for i in range(rounds):
        for number, feed in enumerate(feeds):
            await feed.send(*feed.market(100.0 + 0.05 * ((i * 7 + number) % 11)))
        await asyncio.sleep(max(0.0, started_s + (i + 1) * 3 / TICKS_PER_S - time.monotonic()))
    return rounds * len(feeds)


if __name__ == "__main__":
    main()
