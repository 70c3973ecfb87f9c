"""`manage.py runfeed` as its surroundings see it: HTTP, a supervisor, signals, options."""

import contextlib
import fcntl
import json
import os
import pty
import queue
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from marketdata.models import Exchange, FeedLease, Subscription
from marketdata.operations import follow
from tests.integration.marketdata.cast import switch_fault
from tests.integration.marketdata.test_runfeed import ROOT, environment, run, start
from tests.patience import PATIENCE_S

BTC = "BTC/USDT"


def until(process, event: str) -> dict:
    for line in process.stdout:
        record = json.loads(line)
        if record["event"] == event:
            return record
    raise AssertionError(f"no {event}: {process.stderr.read()}")


def address_of(process) -> str:
    """Where the process says that it serves its health."""
    for line in process.stderr:
        if "[WS] health" in line:
            return "http://" + line.split("address=")[1].split()[0]
    raise AssertionError("it serves nothing")


def values(text: str) -> dict:
    return {
        (sample.name, sample.labels.get("exchange", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@contextlib.contextmanager
def listening(path: Path) -> Iterator["queue.Queue[str]"]:
    """A supervisor, who reads everything at once, as systemd does."""
    words: queue.Queue[str] = queue.Queue()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(path))

        def listen() -> None:
            while text := supervisor.recv(4096).decode():
                words.put(text)

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield words
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"", str(path))
            listener.join(timeout=PATIENCE_S)


@pytest.mark.usefixtures("venue")
def test_a_supervised_feed_from_its_start_to_its_end(market, tmp_path):
    """One process, for it takes seconds to start: HTTP, word to systemd, SIGHUP, SIGTERM."""
    follow(exchange="simulated", symbol=BTC, follower="bot:1")
    with listening(tmp_path / "notify") as words:

        def told(wanted: str) -> str:
            while not (text := words.get(timeout=PATIENCE_S)).startswith(wanted):
                pass
            return text

        process = start(
            "--json", "--http", "127.0.0.1:0", NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="200000"
        )
        try:
            site = address_of(process)
            told("READY=1")
            until(process, "live")
            told("STATUS=simulated 1/1 live")
            told("WATCHDOG=1")
            assert httpx.get(f"{site}/livez").text == "ok"
            ready = httpx.get(f"{site}/readyz")
            assert (ready.status_code, ready.json()) == (
                200, {"ready": True, "checks": {"feed simulated": "ok", "database": "ok", "redis": "ok"}},
            )  # fmt: skip
            answer = httpx.get(f"{site}/metrics")
            seen = values(answer.text)
            assert answer.headers["content-type"].startswith("text/plain")
            assert seen["feed_leader", "simulated"] == 1
            assert seen["feed_messages_total", "simulated"] > 0
            assert seen["feed_last_tick_age_seconds", "simulated"] < 60
            assert ("process_resident_memory_bytes", "") in seen
            assert httpx.get(f"{site}/elsewhere").status_code == 404

            switch_fault(market, "listing_change", symbol="BTCUSDT", factor=10.0, seconds=30.0)
            process.send_signal(signal.SIGHUP)
            assert told("RELOADING=1").splitlines()[1].startswith("MONOTONIC_USEC=")
            assert until(process, "reload")["exchange"] == "simulated"
            # Without being told, the venue would be asked after a quarter of an hour.
            assert BTC in until(process, "rules_changed")["message"]
            switch_fault(market, "listing_change", on=False)

            follow(exchange="simulated", symbol="NO/SUCH", follower="bot:2")
            until(process, "unknown_symbol")
            Subscription.objects.filter(symbol=BTC).delete()
            until(process, "unfollowed")
            assert ("feed_messages_total", "simulated") not in values(httpx.get(f"{site}/metrics").text)

            process.send_signal(signal.SIGTERM)
            told("STOPPING=1")
            process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == 0
    assert FeedLease.objects.get().holder == ""


@pytest.mark.usefixtures("venue")
def test_a_feed_without_fresh_prices_is_not_ready_and_says_of_what(market):
    follow(exchange="simulated", symbol=BTC, follower="bot:1")
    Exchange.objects.update(websocket_url="ws://127.0.0.1:9", rest_url="http://127.0.0.1:9")
    Exchange.objects.create(
        code="good", name="Good", adapter="binance", environment="simulated", rest_url=market.rest_url,
        websocket_url=market.websocket_url,
    )  # fmt: skip
    follow(exchange="good", symbol=BTC, follower="bot:1")
    process = start("--json", "--http", ":0")
    try:
        site = address_of(process)
        until(process, "live")
        answer = httpx.get(f"{site}/readyz")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        assert answer.json()["checks"]["feed good"] == "ok"
        assert answer.json()["checks"]["feed simulated"] != "ok"
        assert httpx.get(f"{site}/livez").status_code == 200
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


@pytest.mark.usefixtures("venue")
def test_a_venue_that_does_not_let_us_in_is_four_and_says_what_to_do(market):
    switch_fault(market, "refuse_connections", status=401, seconds=15.0)
    try:
        code, _, errors = run("--exchange", "simulated", "--symbols", BTC, "--dry-run", "--duration", "20")
    finally:
        switch_fault(market, "refuse_connections", on=False)
    assert code == 4, errors
    assert "does not let us in" in errors
    assert "check key, token and permissions" in errors


def arrived(out: str) -> dict[str, int]:
    """What came over the socket, by kind, from the account at the end."""
    counts = json.loads(out.splitlines()[-1])["symbols"][BTC]["counts"]
    return {kind: counts[kind] for kind in ("in.quote", "in.trade", "in.delta")}


@pytest.mark.usefixtures("venue")
def test_what_was_recorded_is_played_again_to_its_end(tmp_path):
    follow(exchange="simulated", symbol=BTC, follower="bot:1")
    folder = tmp_path / "recordings"
    code, out, errors = run("--exchange", "simulated", "--duration", "2", "--record", str(folder))
    assert code == 0, errors
    live = arrived(out)
    replay = ("--exchange", "simulated", "--replay", str(folder / "simulated"), "--speed", "0")
    # Old prices never look like those of now.
    assert run(*replay)[0] == 2
    code, out, errors = run(*replay, "--dry-run", "--symbols", BTC)
    assert code == 0, errors
    assert arrived(out) == live
    assert live["in.quote"] > 0


@pytest.mark.usefixtures("venue")
def test_on_a_terminal_there_is_a_table_and_ctrl_c_leaves_it_clean():
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "runfeed", "--exchange", "simulated", "--symbols", BTC, "--dry-run"],
        cwd=ROOT, env=environment() | {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "30"},
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    try:
        while b"SYMBOL" not in shown or b"websocket" not in shown.partition(b"SYMBOL")[2]:
            shown += os.read(controller, 65_536)
        os.write(controller, b"\x03")
        with contextlib.suppress(OSError):  # the terminal's other end is closed
            while piece := os.read(controller, 65_536):
                shown += piece
        assert process.wait(timeout=PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(controller)
    assert BTC.encode() in shown.partition(b"SYMBOL")[2]
    # The cursor is hidden while the table is drawn, and shown again.
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l") >= 0
    assert b"Traceback" not in shown
