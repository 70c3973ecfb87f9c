"""docker-compose.yml: every service of ours starts by its own command against servers given from outside."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml
from django.db import connection

from bots.models import Installation
from marketdata.models import Environment, Exchange
from tests.integration.tradingsite.processes import said, wait_for
from tests.patience import PATIENCE_S
from tradingsite.servers.children import free_port

PROJECT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
# What each says, or answers, when it is at work.
READY = {
    "feed": "",
    "engine": "",
    "streams": "integration_streams.started",
    "worker-monitor": "ready",
    "worker-jobs": "ready",
    "beat": "beat",
}


def test_it_has_the_production_shape():
    assert set(SERVICES) == {"postgres", "redis", "migrate", "web", *READY}


def test_no_secret_has_a_default():
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name or name in ("SECRET_KEY", "DATABASE_URL", "REDIS_URL"):
                assert ":?" in value, name


def test_every_process_of_ours_waits_for_the_migration():
    for name in ("web", *READY):
        assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def start(name: str, tmp_path: Path, *, replace: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    command = [(replace or {}).get(word, word) for word in SERVICES[name]["command"]]
    assert command[0] == "python"
    settings = connection.settings_dict
    address = f"{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    env = os.environ | {
        **{key: value for key, value in SERVICES[name]["environment"].items() if "${" not in value},
        "DATABASE_URL": f"postgres://{settings['USER']}:{settings['PASSWORD']}@{address}",
        "LOCAL_DIR": str(tmp_path),
        "LOG_LEVEL": "INFO",
    }
    env.pop("DJANGO_SETTINGS_MODULE", None)
    with (tmp_path / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, *command[1:]], cwd=PROJECT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )


def end(process: subprocess.Popen[bytes]) -> int:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()


@pytest.mark.django_db(transaction=True)
def test_migrate_finds_nothing_left_to_do(tmp_path):
    process = start("migrate", tmp_path)
    assert process.wait(timeout=PATIENCE_S) == 0, said(tmp_path)
    assert "No migrations to apply" in said(tmp_path)


@pytest.mark.django_db(transaction=True)
def test_web_answers_that_it_is_ready_and_stops_cleanly(tmp_path):
    port = str(free_port())
    process = start("web", tmp_path, replace={"8000": port, "0.0.0.0": "127.0.0.1"})
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), process, tmp_path)
    finally:
        code = end(process)
    assert code == 0, said(tmp_path)


@pytest.mark.django_db(transaction=True)
def test_the_others_run_until_told_to_stop_and_end_with_code_0(tmp_path):
    # A test that truncated the tables before this one took the migrations' row with them.
    Installation.objects.get_or_create(pk=1)
    Exchange.objects.create(code="simulated", name="Simulated", adapter="binance", environment=Environment.SIMULATED)
    folders = {name: tmp_path / name for name in READY}
    for folder in folders.values():
        folder.mkdir()
    processes = {name: start(name, folder) for name, folder in folders.items()}
    try:
        for name, process in processes.items():
            wait_for(partial(has_said, folders[name], READY[name]), process, folders[name])
        # They must go on by themselves: a process that ends after its first seconds would be restarted for ever.
        until = time.monotonic() + 3
        for name, process in processes.items():
            wait_for(lambda: time.monotonic() >= until, process, folders[name])
    finally:
        codes = {name: end(process) for name, process in processes.items()}
    assert codes == dict.fromkeys(READY, 0), {name: said(folder) for name, folder in folders.items()}


def has_said(folder: Path, text: str) -> bool:
    return text in said(folder)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as response:
            return response.status == 200
    except OSError:
        return False
