"""`manage.py runfeed` as a process: what it prints and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from marketdata.models import Exchange, FeedLease, FeedStatus
from marketdata.operations import follow
from tests.integration.marketdata.cast import add_venue
from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]


def environment(**changed: str) -> dict[str, str]:
    """That of a process which uses the test's database."""
    settings = connection.settings_dict
    url = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{settings['NAME']}"
    return os.environ | {"DATABASE_URL": url} | changed


def start(*arguments: str, **changed: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "runfeed", *arguments],
        cwd=ROOT,
        env=environment(**changed),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str, **changed: str) -> tuple[int, str, str]:
    process = start(*arguments, **changed)
    out, errors = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, errors


@pytest.mark.usefixtures("venue")
def test_once_ends_with_the_first_tick():
    follow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    code, out, errors = run("--once", "--exchange", "simulated")
    assert code == 0, errors
    events = [json.loads(line)["event"] for line in out.splitlines()]
    assert {"heartbeat", "connected"} <= set(events)
    (price,) = [line for line in map(json.loads, out.splitlines()) if line["event"] == "price"]
    assert (price["exchange"], price["symbol"]) == ("simulated", "BTC/USDT")
    assert 0 < price["bid"] < price["ask"]


@pytest.mark.usefixtures("venue")
def test_a_dry_run_prints_prices_as_they_move():
    process = start("--dry-run", "--exchange", "simulated", "--symbols", "BTC/USDT,ETH/USDT")
    try:
        seen = {"BTC/USDT": 0, "ETH/USDT": 0}
        for line in map(json.loads, process.stdout):
            if line["event"] == "price":
                seen[line["symbol"]] += 1
                assert line["messages"] > 0
            if min(seen.values()) >= 2:
                break
        assert min(seen.values()) >= 2
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


@pytest.mark.usefixtures("venue")
def test_once_does_not_wait_for_a_symbol_that_is_not_listed():
    # Nobody waits for the end.
    code, out, errors = run("--once", "--dry-run", "--symbols", "BTC/USDT,NO/SUCH", "--duration", "600")
    assert code == 3
    assert "runfeed: simulated does not list NO/SUCH" in errors
    assert "bot's settings" not in errors + out
    assert [line["symbol"] for line in map(json.loads, out.splitlines()) if line["event"] == "price"] == ["BTC/USDT"]


@pytest.mark.usefixtures("venue")
def test_what_was_given_to_record_is_replayed(tmp_path):
    code, _, errors = run("--once", "--dry-run", "--record", str(tmp_path), "--symbols", "BTC/USDT")
    assert code == 0, errors
    replay = ("--dry-run", "--exchange", "simulated", "--symbols", "BTC/USDT", "--speed", "0", "--replay")
    code, _, errors = run(*replay, str(tmp_path))
    assert code == 0, errors
    (tmp_path / "empty").mkdir()
    code, _, errors = run(*replay, str(tmp_path / "empty"))
    assert (code, "Traceback" in errors) == (2, False)
    assert f"{tmp_path / 'empty'} holds no recording of simulated" in errors


@pytest.mark.usefixtures("venue")
def test_no_data_in_time_is_three_and_says_why():
    # Nothing is to come of it, so nobody waits for the end.
    code, _, errors = run("--once", "--symbols", "NO/SUCH", "--duration", "600")
    assert code == 3
    assert "runfeed: simulated does not list NO/SUCH" in errors
    code, _, errors = run("--once", "--symbols", ",".join(f"N{number}/SUCH" for number in range(7)), "--duration", "4")
    assert code == 3
    assert "simulated does not list N0/SUCH, N1/SUCH, N2/SUCH, N3/SUCH, N4/SUCH and 2 more." in errors
    code, _, errors = run("--once", "--duration", "1")
    assert (code, "nothing of simulated is followed: start a bot" in errors) == (3, True)


@pytest.mark.usefixtures("venue")
def test_beside_a_leader_it_says_so_and_that_a_dry_run_streams(tmp_path):
    follow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    leader = start("--json")
    try:
        for line in leader.stdout:
            if json.loads(line)["event"] == "live":
                break
        name = ":".join(FeedLease.objects.get().holder.split(":")[:2])
        code, _, errors = run("--once", "--duration", "2")
        assert code == 3
        assert f"simulated is led by {name}: this one stands by, and streams nothing until that one ends." in errors
        assert "With --dry-run it streams beside it, and publishes nothing." in errors
        assert "no tick of simulated: another process leads it." in errors
        code, _, errors = run("--record", str(tmp_path), "--duration", "2")
        assert "stands by, and records nothing" in errors
        assert not list(tmp_path.rglob("*.zst"))
        # What the hint promises.
        assert run("--once", "--dry-run", "--record", str(tmp_path), "--symbols", "BTC/USDT")[0] == 0
        assert [path for path in tmp_path.rglob("*") if path.is_file()]
    finally:
        leader.terminate()
        leader.communicate(timeout=PATIENCE_S)


@pytest.mark.usefixtures("venue")
def test_sigterm_stops_cleanly_and_gives_the_lease_back():
    follow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    process = start("--json")
    for line in process.stdout:
        if json.loads(line)["event"] == "live":
            break
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    lease = FeedLease.objects.get()
    assert (lease.holder, lease.epoch) == ("", 1)
    assert FeedStatus.objects.get().state == "disconnected"


@pytest.mark.parametrize("command", [("runfeed", "--json"), ("testfeed", "simulated", "BTC/USDT", "--json")])
@pytest.mark.usefixtures("venue")
def test_a_reader_that_has_enough_is_no_error(command):
    follow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    process = subprocess.Popen(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert json.loads(process.stdout.readline())
        process.stdout.close()
        errors = process.stderr.read()
        assert (process.wait(timeout=PATIENCE_S), "Traceback" in errors) == (141, False), errors
    finally:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("venue")
def test_a_killed_feed_is_replaced_at_once_by_the_next():
    follow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    process = start("--json")
    for line in process.stdout:
        if json.loads(line)["event"] == "live":
            break
    process.kill()
    process.communicate()
    assert FeedLease.objects.get().holder
    assert run("--once", "--duration", "10")[0] == 0
    assert FeedLease.objects.get().epoch == 2


@pytest.mark.usefixtures("venue")
def test_an_unknown_exchange_lists_the_known_ones():
    code, _, errors = run("--exchange", "mtgox")
    assert code == 2
    assert "There is no exchange called 'mtgox'. Known exchanges: simulated." in errors


@pytest.mark.usefixtures("transactional_db")
def test_without_an_exchange_it_waits_and_streams_the_one_that_is_added(market):
    process = start("--json")
    try:
        assert json.loads(process.stdout.readline())["state"] == "waiting for an exchange"
        add_venue(market)
        follow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
        for line in process.stdout:
            if json.loads(line)["event"] == "live":
                break
        Exchange.objects.update(enabled=False)
        for line in process.stderr:
            if "disabled or changed" in line:
                break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 0


@pytest.mark.usefixtures("venue")
def test_without_websockets_rest_brings_prices():
    follow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    process = start("--json", USE_WEBSOCKET="false")
    try:
        record = {}
        for line in process.stdout:
            record = json.loads(line)
            assert record["event"] != "connected"
            if record["event"] == "fallback":
                break
        assert "USE_WEBSOCKET" in record["message"]
        deadline = time.monotonic() + PATIENCE_S
        while (row := FeedStatus.objects.filter(last_price__gt=0).first()) is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert (row.state, row.source) == ("fallback", "rest")
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0


@pytest.mark.usefixtures("transactional_db")
def test_an_old_schema_is_named_with_what_to_do():
    recorder = MigrationRecorder(connection)
    ((_, newest),) = MigrationExecutor(connection).loader.graph.leaf_nodes("marketdata")
    recorder.record_unapplied("marketdata", newest)
    try:
        code, _, errors = run()
    finally:
        recorder.record_applied("marketdata", newest)
    assert code == 5
    assert f"marketdata.{newest}: run `manage.py migrate`" in errors


@pytest.mark.parametrize(("mock_mode", "environment"), [(True, "simulated"), (False, "live")])
def test_new_exchanges_begin_as_the_mock_mode_says(settings, mock_mode, environment):
    settings.WEBSOCKET_MOCK_MODE = mock_mode
    assert Exchange(code="new").environment == environment


@pytest.mark.usefixtures("transactional_db")
def test_a_database_that_is_away():
    code, _, errors = run(DATABASE_URL="postgres://nobody@127.0.0.1:9/none")
    assert code == 5
    assert "DATABASE_URL" in errors


@pytest.mark.usefixtures("venue")
def test_redis_that_is_away():
    code, _, errors = run(REDIS_URL="redis://127.0.0.1:9/0")
    assert code == 5
    assert "REDIS_URL" in errors
