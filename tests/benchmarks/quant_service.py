"""The quant service over HTTP: 500 candles to signals, beside the barest view that asks who somebody is.

Daphne on servers of its own, one connection that is kept, one question after another. In a process of its own, because
settings are read once.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.rows import Row, percentile

ROOT = Path(__file__).resolve().parents[2]
CANDLES = 500
QUESTIONS = 200
WARM_UP = 20


def run() -> dict[str, Row]:
    measured = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.quant_service"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        check=True, timeout=300,
    )  # fmt: skip
    times: dict[str, list[float]] = json.loads(measured.stdout.splitlines()[-1])
    ours, floor, inside = times["signals"], times["version"], times["inside"]
    return {
        "web.quant_signals_p50": Row(value=percentile(ours, 50), unit="ms", floor=percentile(floor, 50), budget=20),
        "web.quant_signals_p99": Row(value=percentile(ours, 99), unit="ms", floor=percentile(floor, 99), budget=80),
        "web.quant_signals_inside": Row(
            value=percentile(inside, 50), unit="ms", floor=percentile(floor, 50), budget=10
        ),
    }


def main() -> None:
    """Print one JSON line with the milliseconds of each request."""
    from tradingsite.servers import EmbeddedServers

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
                "DATABASE_POOL_MAX": "4",
                "QUANT_REQUESTS_PER_MINUTE": "1000000",
            }
            print(json.dumps(measure(prepare())))
        finally:
            servers.stop()


def prepare() -> str:
    """A database with one person; gives their token."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from knox.models import get_token_model

    from bots.models import User

    call_command("migrate", verbosity=0)
    _, token = get_token_model().objects.create(user=User.objects.create_user("bench"))
    connection.close_pool()  # type: ignore[attr-defined]
    return str(token)


def measure(token: str) -> dict[str, list[float]]:
    import httpx

    from tests.integration.web.sockets import free_port

    port = free_port()
    command = [sys.executable, "-m", "daphne", "-v", "0", "-p", str(port), "tradingsite.asgi:application"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1", headers={"Authorization": f"Token {token}"}, timeout=30
        ) as http:
            wait_until_it_answers(http)
            body = question()
            return {
                "version": [request(http, "GET", "/version")[0] for _ in range(WARM_UP + QUESTIONS)][WARM_UP:],
                **asked(http, body),
            }
    finally:
        process.terminate()
        process.wait(timeout=20)


def asked(http: Any, body: bytes) -> dict[str, list[float]]:
    answers = [request(http, "POST", "/quant/signals", body) for _ in range(WARM_UP + QUESTIONS)][WARM_UP:]
    return {"signals": [ms for ms, _ in answers], "inside": [said["latency_ms"] for _, said in answers]}


def request(http: Any, method: str, address: str, body: bytes | None = None) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = http.request(method, address, content=body, headers={"Content-Type": "application/json"})
    took_ms = (time.perf_counter() - began) * 1e3
    answer.raise_for_status()
    return took_ms, answer.json()


def question() -> bytes:
    from tests.unit.quant.remote.cast import walk

    now_s = int(time.time())
    candles = walk(CANDLES, start_s=now_s - now_s % 60 - CANDLES * 60)
    return json.dumps({"symbol": "BTC/USDT", "candles": candles, "timestamp": now_s * 1000}).encode()


def wait_until_it_answers(http: Any) -> None:
    import httpx

    deadline = time.monotonic() + 60
    while True:
        try:
            http.get("/ping").raise_for_status()
            return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    main()
