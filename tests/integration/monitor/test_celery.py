"""Real workers and a real scheduler: the monitor's queue has a worker of its own, and long jobs do not delay it."""

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connections

from bots import tasks
from bots.models import PerformanceSnapshot, Trade
from tests.integration.monitor.scene import Scene
from tests.integration.tradingsite.processes import wait_for
from tradingsite.celery import app
from tradingsite.local import plan

ROOT = Path(__file__).resolve().parents[3]
SCHEDULE = importlib.import_module("bots.migrations.0004_schedule")


def database_url() -> str:
    """The database that pytest-django made, for processes of their own."""
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return f"{base}/{connections['default'].settings_dict['NAME']}"


@contextmanager
def running(command: tuple[str, ...], folder: Path) -> Iterator[Callable[[Callable[[], bool]], None]]:
    """A process as runlocal starts it; gives a way to wait for something while it lives."""
    folder.mkdir()
    environment = {**os.environ, "DATABASE_URL": database_url(), "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            yield lambda happened: wait_for(happened, process, folder)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def schedule(scene: Scene) -> Any:
    """The schedule as the migration makes it: the tests empty every table."""
    SCHEDULE.make_schedule(apps, None)
    yield scene
    SCHEDULE.remove_schedule(apps, None)


def send(task: str) -> None:
    """Over a connection that ends with it."""
    with app.connection_for_write() as connection:
        app.send_task(task, connection=connection)


def test_every_run_expires_before_the_next_and_names_its_queue(schedule: Scene) -> None:
    from django_celery_beat.models import PeriodicTask

    names = {"bots.monitor_positions", "bots.compute_performance", "bots.check_ledger", "bots.prune"}
    rows = {row.task: row for row in PeriodicTask.objects.filter(task__in=names)}
    assert set(rows) == names
    for name, row in rows.items():
        assert name == getattr(tasks, name.removeprefix("bots.")).name
        assert row.enabled
        period_s = row.interval.every if row.interval else 86_400
        assert 0 < row.expire_seconds < period_s
        routed = app.conf.task_routes.get(name, {"queue": app.conf.task_default_queue})["queue"]
        assert row.queue == routed
    assert rows["bots.monitor_positions"].interval.every == 5
    assert rows["bots.compute_performance"].interval.every == 30


def test_what_was_edited_in_the_admin_stays(schedule: Scene) -> None:
    from django_celery_beat.models import PeriodicTask

    PeriodicTask.objects.filter(task="bots.check_ledger").update(enabled=False)
    SCHEDULE.make_schedule(apps, None)
    assert PeriodicTask.objects.get(task="bots.check_ledger").enabled is False


@pytest.mark.slow
def test_the_scheduler_and_a_worker_watch_positions_and_measure_performance(schedule: Scene, tmp_path: Path) -> None:
    schedule.hold()
    beat = plan.celery("beat", "--pidfile=", "--max-interval", "1")
    with running(plan.worker("monitor"), tmp_path / "monitor") as until, running(beat, tmp_path / "beat"):
        send("bots.compute_performance")
        until(lambda: PerformanceSnapshot.objects.exists())

        def closed() -> bool:
            # The price stays fresh until beat's own run comes.
            schedule.now_ns = time.time_ns()
            schedule.price(97_500.0)
            return Trade.objects.exists()

        until(closed)
    assert Trade.objects.get().exit_reason == "stop_loss"


@pytest.mark.slow
def test_long_jobs_do_not_delay_the_monitor(schedule: Scene, tmp_path: Path) -> None:
    """Four jobs wait on a lock that the test holds; the monitor's task is done meanwhile."""

    with ExitStack() as stack:
        stack.enter_context(running(plan.worker("jobs"), tmp_path / "jobs"))
        until = stack.enter_context(running(plan.worker("monitor"), tmp_path / "monitor"))
        hold = stack.enter_context(locked("bots_signal"))
        for _ in range(4):
            send("bots.prune")
        until(lambda: waiting_for("bots_signal") >= 1)
        send("bots.compute_performance")
        until(lambda: PerformanceSnapshot.objects.exists())
        assert waiting_for("bots_signal") >= 1, "the jobs still wait"
        hold.rollback()


@contextmanager
def locked(table: str) -> Iterator[Any]:
    from bots.orders.connections import open_connection

    with open_connection() as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        try:
            yield connection
        finally:
            connection.rollback()


def waiting_for(table: str) -> int:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", [table])
        return int(cursor.fetchone()[0])


def test_workers_find_every_task() -> None:
    """As a worker does: from the application alone, in a process of its own."""
    code = "from tradingsite.celery import app; app.loader.import_default_modules(); print(*sorted(app.tasks))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert {"bots.monitor_positions", "bots.compute_performance", "bots.check_ledger", "bots.prune"} <= set(
        found.stdout.split()
    )
