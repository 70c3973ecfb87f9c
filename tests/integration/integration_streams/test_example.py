"""The example consumer: every event once, whatever Redis or it itself loses."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.integration_streams.test_publishing import add_events, drain, event_ids

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def consumer(connection, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    import order_stream

    def make(handled):
        return order_stream.Consumer(
            connection, stream="test:orders", group="books", name="one", state=tmp_path / "last.json",
            handle=lambda fields: handled.append(int(fields["event_id"].rpartition("-")[2])),
        )  # fmt: skip

    return make


def run(consumer):
    """Until nothing more comes."""
    empty = 0
    while empty < 3:
        empty = 0 if consumer.step() else empty + 1


def test_every_event_is_handled_once_through_a_loss_and_a_restart(alice, orders, connection, consumer):
    handled = []
    first = consumer(handled)
    run(first)
    drain(orders)
    run(first)
    connection.flushall()
    add_events(alice, 3)
    run(first)
    drain(orders)
    run(first)
    add_events(alice, 150)
    drain(orders)
    run(consumer(handled))
    assert handled == event_ids()


def test_what_was_given_out_and_not_acknowledged_is_handled_after_a_restart(alice, orders, connection, consumer):
    drain(orders)
    connection.xgroup_create("test:orders", "books", id="0")
    connection.xreadgroup("books", "one", {"test:orders": ">"})
    handled = []
    run(consumer(handled))
    assert handled == event_ids()
    assert connection.xpending("test:orders", "books")["pending"] == 0


def test_it_runs_as_a_program(alice, orders, connection, servers, tmp_path):
    drain(orders)
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(ROOT / "examples" / "order_stream.py"), "--redis", servers["REDIS_URL"],
         "--stream", "test:orders", "--duration", "4"],
        capture_output=True, text=True, timeout=90, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2
    assert "alice's bot BTC/USDT sending → filled 2/2" in done.stdout


def test_the_running_command_publishes_both_and_ends_when_told(alice, connection, tmp_path):
    import os
    import signal

    from django.db import connection as database

    from tests.integration.integration_streams.test_publishing import ids, wait_until

    settings = database.settings_dict
    address = f"{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    env = os.environ | {
        "DATABASE_URL": f"postgres://{settings['USER']}:{settings['PASSWORD']}@{address}",
        "LOCAL_DIR": str(tmp_path),
        "ORDER_STREAM": "test:orders",
        "SIGNAL_STREAM": "test:signals",
    }
    process = subprocess.Popen([sys.executable, "manage.py", "runstreams"], cwd=ROOT, env=env)
    try:
        wait_until(lambda: connection.exists("test:signals") and ids(connection, "test:orders") == event_ids())
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
