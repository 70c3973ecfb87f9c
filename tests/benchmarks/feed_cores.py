"""What the feed process costs with 50 symbols at 100 updates/s each, in cores, beside a bare reader of the streams.

CPU time of all threads of the real command, with all it does beside: bars, states and leases in PostgreSQL, latest
quotes in the cache, slow sources, REST. On servers of its own; in a process of its own, because settings are read once.
Measured once the history of all symbols and of the slow sources is fetched. Fewer updates than asked come where the
simulated exchange has no core to itself: then cores are scaled to the full rate, and never where more come.
"""

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
from tests.benchmarks.system import READY_S, ROOT, SYMBOLS, cpu_seconds, floor, messages

UPDATES_PER_S = 100
MEASURED_S = 30.0
BUDGET_CORES = 0.40
# Nothing new but what each minute brings: so long without a row, history is complete.
QUIET_S = 5.0
HISTORY_S = 240.0


def run() -> dict[str, Row]:
    measured = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.feed_cores"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
        timeout=600,
    )  # fmt: skip
    found = json.loads(measured.stdout.splitlines()[-1])
    note = (
        f"the whole process in its steady state, {found['cores']:.3f} cores at {found['updates_per_s']:.0f} updates/s "
        f"for {MEASURED_S:g} s, load average {found['load']:.1f}; the floor is a process that only reads the sockets"
    )
    row = Row(value=found["feed"], unit="cores", floor=found["floor"], budget=BUDGET_CORES, note=note)
    return {"system.feed_cores_50x100": row}


def main() -> None:
    """Print one JSON line: cores of the feed and of a bare reader at the full rate, and the rate that there was."""
    from tests.simulator_fixture import running_simulator
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
                "SECRET_KEY": "benchmark-" * 6,
                "STATIC_HASHED": "false",
            }
            arguments = ("--symbols", ",".join(SYMBOLS), "--rate", str(UPDATES_PER_S), "--weight-per-minute", "1000000")
            with running_simulator(*arguments, "--history-days", "1", ledger=Path(folder) / "exchange") as exchange:
                os.environ["SIMULATOR_URL"] = exchange.rest_url
                print(json.dumps(measure(Path(folder), exchange.websocket_url)))
        finally:
            servers.stop()


def measure(folder: Path, websocket_url: str) -> dict[str, Any]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db.models import Sum

    from marketdata.models import Exchange, FeedStatus
    from marketdata.operations import follow

    call_command("migrate", verbosity=0)
    Exchange.objects.update_or_create(
        code="simulated", defaults={"name": "Simulated", "adapter": "binance", "environment": "simulated"}
    )
    Exchange.objects.exclude(code="simulated").update(enabled=False)
    for symbol in SYMBOLS:
        follow(exchange="simulated", symbol=symbol, follower="bot:1")
    with (folder / "feed.log").open("wb") as log:
        command = [sys.executable, "manage.py", "runfeed", "--json"]
        feed = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        deadline_s = time.monotonic() + READY_S
        while FeedStatus.objects.filter(state="live").count() < len(SYMBOLS):
            if feed.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"the feed is not ready: {(folder / 'feed.log').read_text()[-2000:]}")
            time.sleep(0.5)
        wait_for_history()
        family = {"feed": psutil.Process(feed.pid)}
        before, messages_before, began_s = cpu_seconds(family), messages(FeedStatus, Sum), time.monotonic()
        time.sleep(MEASURED_S)
        took_s = time.monotonic() - began_s
        cores = (cpu_seconds(family)["feed"] - before["feed"]) / took_s
        per_s = (messages(FeedStatus, Sum) - messages_before) / took_s
    finally:
        feed.terminate()
        feed.wait(timeout=15)
    bare, bare_per_s = floor(websocket_url)
    return {
        "feed": at_full_rate(cores, per_s), "floor": at_full_rate(bare, bare_per_s), "updates_per_s": per_s, "cores": cores,
        "load": os.getloadavg()[0],
    }  # fmt: skip


def at_full_rate(cores: float, per_s: float) -> float:
    return cores * max(1.0, len(SYMBOLS) * UPDATES_PER_S / per_s)


def wait_for_history() -> None:
    """Wait until what is fetched in the beginning is stored, with the last of it some seconds ago."""
    from marketdata.models import BarRow, Observation

    began_s = quiet_s = time.monotonic()
    stored: tuple[int, int] = (0, 0)
    while time.monotonic() - quiet_s < QUIET_S:
        found = (BarRow.objects.count(), Observation.objects.count())
        if found != stored:
            stored, quiet_s = found, time.monotonic()
        if quiet_s - began_s > HISTORY_S:
            raise RuntimeError(f"history still comes after {HISTORY_S:g} s: {stored[0]} bars, {stored[1]} observations")
        time.sleep(0.5)


if __name__ == "__main__":
    main()
