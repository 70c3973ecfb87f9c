"""`manage.py runlocal`, `status` and `doctor`, as a person meets them."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import remove
from tests.integration.tradingsite.processes import said, wait_for
from tests.patience import PATIENCE_S
from tradingsite.local.state import read_processes
from tradingsite.servers.children import free_port

PROJECT = Path(__file__).parents[3]
CHILDREN = {"exchange", "web", "feed", "engine", "streams", "monitor", "jobs", "beat"}


@pytest.fixture
def folder(tmp_path):
    local_dir = tmp_path / "local files"
    local_dir.mkdir()
    yield local_dir
    remove(local_dir)


def environment(folder: Path, **more: str) -> dict[str, str]:
    ours = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE", "STATIC_HASHED", "SITE_URL", "PORT"}
    return {name: value for name, value in os.environ.items() if name not in ours} | {"LOCAL_DIR": str(folder)} | more


def manage(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT, env=environment(folder, **more), capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


def start(folder: Path, port: int, *arguments: str) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "manage.py", "runlocal", "--no-browser", "--port", str(port), *arguments],
            cwd=PROJECT, env=environment(folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip


def descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.slow
def test_a_whole_life(folder):
    """Start, sign of life, a killed child comes back, status, a second start refused, kill -9, start again, end."""
    port = free_port()
    process = start(folder, port)
    try:
        wait_for(lambda: f"Tradingsite runs at http://localhost:{port}" in said(folder), process, folder, timeout_s=90)
        wait_for(lambda: set(read_processes(folder)["children"]) == CHILDREN, process, folder)
        assert (folder / "servers.json").stat().st_mode & 0o777 == 0o600

        feed = read_processes(folder)["children"]["feed"]
        os.kill(feed, signal.SIGKILL)
        wait_for(lambda: read_processes(folder)["children"].get("feed", feed) != feed, process, folder)
        assert "feed was ended by SIGKILL; starting it again." in said(folder)

        status = manage(folder, "status", "--json")
        assert status.returncode == 0, status.stderr
        told = json.loads(status.stdout)
        assert {"bots", "feeds", "sources", "positions_open", "signals", "orders", "fills"} <= set(told)

        second = manage(folder, "runlocal", "--no-browser", "--port", str(free_port()))
        assert second.returncode == 2
        assert "Already running" in second.stdout
        family = descendants(process)
    finally:
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
    assert not alive, [process.cmdline() for process in alive]

    process = start(folder, port, "--duration", "20")
    try:
        wait_for(lambda: "Tradingsite runs at" in said(folder), process, folder, timeout_s=90)
        family = descendants(process)
        assert process.wait(timeout=PATIENCE_S) == 0, said(folder)
    finally:
        process.kill()
        process.wait()
    assert "Login as on the first run" in said(folder)
    _, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
    assert not alive, [process.cmdline() for process in alive]
    assert not (folder / "servers.json").exists()
    assert manage(folder, "status").returncode == 3


def test_a_port_in_use_is_named_with_the_way_out(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = manage(folder, "runlocal", "--no-browser", "--port", str(port))
    assert done.returncode == 2
    assert f"Port {port} on 127.0.0.1 cannot be used" in done.stdout
    assert f"PORT={port + 1} make run" in done.stdout


def test_a_database_that_does_not_answer_ends_with_code_5(folder):
    nobody = f"postgres://someone:secret-word@127.0.0.1:{free_port()}/none"
    port = str(free_port())
    done = manage(folder, "runlocal", "--no-browser", "--port", port, DATABASE_URL=nobody)
    assert done.returncode == 5
    assert "does not answer" in done.stdout
    assert "Check DATABASE_URL" in done.stdout
    assert "secret-word" not in done.stdout + done.stderr


def test_status_where_nothing_runs_says_so_with_code_3(folder):
    done = manage(folder, "status", "--json")
    assert done.returncode == 3
    assert "Nothing runs here" in done.stderr
    assert "make run" in done.stderr


def test_status_does_not_take_a_recycled_pid_for_a_run(folder):
    (folder / "processes.json").write_text(json.dumps({"supervisor": os.getpid(), "children": {}}))
    assert manage(folder, "status").returncode == 3


def test_doctor_without_servers_fails_and_tells_how_to_get_them(folder):
    done = manage(folder, "doctor", "--json")
    findings = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 1
    assert findings["python"]["level"] == "ok"
    assert findings["packages"]["level"] == "ok"
    assert findings["database"]["level"] == "failed"
    assert "Nothing runs here" in findings["database"]["message"]
    assert "make run" in findings["database"]["advice"]
    assert ".invalid" not in done.stdout


def test_a_command_where_nothing_runs_says_so_with_code_5(folder):
    done = manage(folder, "checkledger")
    assert done.returncode == 5
    assert "Nothing runs here" in done.stderr
    assert "make run" in done.stderr
    assert ".invalid" not in done.stderr


def test_doctor_looks_at_the_disk_that_holds_the_data(folder):
    data = folder / "elsewhere"
    data.mkdir()
    (folder / "servers_folder").write_text(str(data))
    findings = {finding["check"]: finding for finding in json.loads(manage(folder, "doctor", "--json").stdout)}
    assert findings["disk"]["message"].endswith(f"free at {data}")
