"""`manage.py runfeed` as a process: what it prints and how it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from marketdata.models import FeedLease, FeedStatus
from marketdata.operations import follow

ROOT = Path(__file__).resolve().parents[3]


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    settings = connection.settings_dict
    url = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{settings['NAME']}"
    return subprocess.Popen(
        [sys.executable, "manage.py", "runfeed", *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    process = start(*arguments, **environment)
    out, errors = process.communicate(timeout=60)
    return process.returncode, out, errors


@pytest.mark.usefixtures("venue")
def test_once_ends_with_the_first_tick():
    follow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    code, out, errors = run("--once", "--exchange", "simulated")
    assert code == 0, errors
    events = [json.loads(line)["event"] for line in out.splitlines()]
    assert {"heartbeat", "connected"} <= set(events)


@pytest.mark.usefixtures("venue")
def test_no_data_in_time_is_three():
    assert run("--once", "--symbols", "NO/SUCH", "--duration", "2")[0] == 3


@pytest.mark.usefixtures("venue")
def test_sigterm_stops_cleanly_and_gives_the_lease_back():
    follow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    process = start("--json")
    for line in process.stdout:
        if json.loads(line)["event"] == "live":
            break
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 0, errors
    lease = FeedLease.objects.get()
    assert (lease.holder, lease.epoch) == ("", 1)
    assert FeedStatus.objects.get().state == "disconnected"


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
def test_no_exchange_at_all():
    code, _, errors = run()
    assert code == 2
    assert "No exchange is enabled" in errors


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
