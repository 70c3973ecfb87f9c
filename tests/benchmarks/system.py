"""What the whole site costs: 50 symbols at 20 ticks/s each with 50 bots, in cores, beside a bare reader of the streams.

The real commands on servers of their own; the servers and the simulated exchange, which stands for the venue, are not
counted. In a process of its own, because settings are read once.
"""

import json
import os
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.rows import Row

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS = (
    *("BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT", "XRP/USDT", "ADA/USDT", "DOGE/USDT", "AVAX/USDT"),
    *(f"{letter}{letter}{letter}{number}/USDT" for number in (1, 2) for letter in string.ascii_uppercase[:21]),
)
TICKS_PER_S = 20
MEASURED_S = 30.0
FLOOR_S = 10.0
READY_S = 120.0
BUDGET_CORES = {"all": 1.0, "feed": 0.45, "engine": 0.45, "web": 0.05, "background": 0.05}
ROWS = {
    "all": "engine.fifty_symbols_cpu",
    "feed": "feed.fifty_symbols_cpu",
    "engine": "engine.fifty_symbols_cpu_engine_alone",
    "web": "web.fifty_symbols_cpu",
    "background": "engine.fifty_symbols_cpu_background_work",
}
BACKGROUND = ("monitor", "jobs", "beat")


def run() -> dict[str, Row]:
    measured = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.system"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
        timeout=600,
    )  # fmt: skip
    cores: dict[str, float] = json.loads(measured.stdout.splitlines()[-1])["cores"]
    cores["background"] = sum(cores[name] for name in BACKGROUND)
    cores["all"] = cores["background"] + cores["feed"] + cores["engine"] + cores["web"]
    return {
        name: Row(value=cores[part], unit="cores", floor=cores["floor"], budget=BUDGET_CORES[part])
        for part, name in ROWS.items()
    }


def main() -> None:
    """Print one JSON line: cores by process, and the stream frames a second that came in meanwhile."""
    from tests.simulator_fixture import running_simulator
    from tradingsite.servers import EmbeddedServers

    assert len(SYMBOLS) == len(set(SYMBOLS)) == 50
    with tempfile.TemporaryDirectory(prefix="tradingsite-bench-") as folder:
        servers = EmbeddedServers(local_dir=Path(folder))
        servers.start()
        try:
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "tradingsite.settings",
                "DATABASE_URL": servers.database_url,
                "REDIS_URL": servers.redis_url,
                "LOCAL_DIR": folder,
                "SECRET_KEY": "benchmark-" * 6,
                "STATIC_HASHED": "false",
            }
            arguments = ("--symbols", ",".join(SYMBOLS), "--rate", str(TICKS_PER_S), "--weight-per-minute", "1000000")
            with running_simulator(*arguments, ledger=Path(folder) / "exchange") as exchange:
                os.environ["SIMULATOR_URL"] = exchange.rest_url
                print(json.dumps(measure(Path(folder), exchange.websocket_url)))
        finally:
            servers.stop()


def measure(folder: Path, websocket_url: str) -> dict[str, Any]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db.models import Sum

    from marketdata.models import FeedStatus
    from tradingsite.local.plan import plan
    from tradingsite.servers.children import free_port

    call_command("migrate", verbosity=0)
    start_bots()
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for child in plan(host="127.0.0.1", port=free_port()):
            with (folder / f"{child.name}.log").open("wb") as log:
                env = os.environ | child.env | {"PROCESS_NAME": child.name}
                children[child.name] = subprocess.Popen(child.command, cwd=ROOT, env=env, stdout=log, stderr=log)
        wait_until_steady(children, folder)
        family = {name: psutil.Process(process.pid) for name, process in children.items()}
        before, messages_before, began_s = cpu_seconds(family), messages(FeedStatus, Sum), time.monotonic()
        time.sleep(MEASURED_S)
        after, messages_after, took_s = cpu_seconds(family), messages(FeedStatus, Sum), time.monotonic() - began_s
    finally:
        for process in children.values():
            process.terminate()
        for process in children.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
    cores = {name: (after[name] - before[name]) / took_s for name in family}
    return {
        "cores": cores | {"floor": floor(websocket_url)[0]},
        "frames_per_s": (messages_after - messages_before) / took_s,
        "books": ledger_counts(),
    }


def start_bots() -> None:
    """A bot for each symbol, of the demo's three characters in turn."""
    from bots.operations.create_demo import BOTS
    from tests.integration.system.people import make_trader

    trader = make_trader(cash=1_000_000)
    for number, symbol in enumerate(SYMBOLS):
        settings = dict(BOTS[number % len(BOTS)][1])
        trader.start(f"{settings.pop('name')} {number}", [symbol], **settings)


def still_missing() -> dict[str, int]:
    """How many symbols are not live yet or have no history, and how many bots nobody looks after."""
    from bots.models import BotLease
    from marketdata.models import BarRow, FeedStatus

    there = {
        "live": FeedStatus.objects.filter(state="live").count(),
        "minutes": BarRow.objects.filter(timeframe="1m").values("instrument").distinct().count(),
        "hours": BarRow.objects.filter(timeframe="1h").values("instrument").distinct().count(),
        "bots": BotLease.objects.exclude(holder="").count(),
    }
    return {name: len(SYMBOLS) - count for name, count in there.items() if count < len(SYMBOLS)}


def wait_until_steady(children: dict[str, subprocess.Popen[bytes]], folder: Path) -> None:
    deadline_s = time.monotonic() + READY_S
    while missing := still_missing():
        for name, process in children.items():
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended: {(folder / f'{name}.log').read_text()[-2000:]}")
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"not steady after {READY_S:g} s; still missing: {missing}")
        time.sleep(0.5)


def cpu_seconds(family: dict[str, psutil.Process]) -> dict[str, float]:
    """What each process and its children have used so far."""
    used = {}
    for name, process in family.items():
        times = [member.cpu_times() for member in (process, *process.children(recursive=True))]
        used[name] = sum(time.user + time.system for time in times)
    return used


def messages(statuses: Any, total: Any) -> int:
    return int(statuses.objects.aggregate(total=total("messages"))["total"])


def ledger_counts() -> dict[str, int]:
    from bots.models import Decision, Fill, Signal

    return {model.__name__: model.objects.count() for model in (Decision, Signal, Fill)}


def floor(websocket_url: str) -> tuple[float, float]:
    """Cores of a process that receives the same streams and looks at nothing, and the frames a second that came."""
    read = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.system", "read", websocket_url], cwd=ROOT, stdout=subprocess.PIPE,
        text=True, check=True, timeout=READY_S + 2 * FLOOR_S,
    )  # fmt: skip
    cores, frames_per_s = json.loads(read.stdout)
    return cores, frames_per_s


async def read_streams(websocket_url: str) -> tuple[float, float]:
    import websockets

    from marketdata.exchanges.catalog import get_adapter

    adapter = get_adapter("binance")
    streams = [stream.name for symbol in SYMBOLS for stream in adapter.streams(symbol.replace("/", ""))]
    url = f"{websocket_url}/stream?streams={'/'.join(streams)}"
    async with websockets.connect(url, compression=None, open_timeout=READY_S) as socket:
        await socket.recv(decode=False)
        began_s, used_s, frames = time.monotonic(), time.process_time(), 0
        while time.monotonic() - began_s < FLOOR_S:
            await socket.recv(decode=False)
            frames += 1
        took_s = time.monotonic() - began_s
        return (time.process_time() - used_s) / took_s, frames / took_s


if __name__ == "__main__":
    if sys.argv[1:2] == ["read"]:
        import uvloop

        print(json.dumps(uvloop.run(read_streams(sys.argv[2]))))
    else:
        main()
