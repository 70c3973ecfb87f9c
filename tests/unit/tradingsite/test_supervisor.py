"""The supervisor: lines with a name, dead children again, everything ended on stop."""

import asyncio
import io
import os
import signal
import sys
from contextlib import asynccontextmanager

import psutil
import pytest

from tradingsite.local import supervisor as module
from tradingsite.local.console import Console
from tradingsite.local.plan import Child
from tradingsite.local.supervisor import Supervisor, ending

WAITS = "import time; print('at work', flush=True); time.sleep(600)"
IGNORES_SIGTERM = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('at work', flush=True); time.sleep(600)"
)


def says_when_stopped(name):
    return f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {{15}}); print('at work', flush=True); signal.sigwait({{15}}); print('{name} stopped', flush=True)"


class Watch:
    """What the supervisor told: pids and lines, with a way to wait for the next change."""

    def __init__(self):
        self.pids = {}
        self.stream = io.StringIO()

    def changed(self, pids):
        self.pids = pids

    async def until(self, happened):
        for _ in range(1500):
            if happened(self):
                return
            await asyncio.sleep(0.02)
        pytest.fail(self.stream.getvalue())


@asynccontextmanager
async def supervised(tmp_path, **programs):
    watch = Watch()
    supervisor = Supervisor(
        cwd=tmp_path,
        env=dict(os.environ),
        console=Console(watch.stream),
        changed=watch.changed,
    )
    supervisor.start([Child(name=name, command=(sys.executable, "-c", program)) for name, program in programs.items()])
    try:
        yield supervisor, watch
    finally:
        await supervisor.stop()


async def test_a_line_begins_with_the_name_of_its_process(tmp_path):
    async with supervised(tmp_path, feed=WAITS) as (_, watch):
        await watch.until(lambda seen: "feed     │ at work\n" in seen.stream.getvalue())


async def test_a_killed_child_is_started_again_and_the_others_stay(tmp_path):
    async with supervised(tmp_path, feed=WAITS, engine=WAITS) as (_, watch):
        await watch.until(lambda seen: len(seen.pids) == 2)
        feed, engine = watch.pids["feed"], watch.pids["engine"]
        os.kill(feed, signal.SIGKILL)
        await watch.until(lambda seen: seen.pids.get("feed", feed) != feed)
        assert watch.pids["engine"] == engine
        assert "feed was ended by SIGKILL; starting it again.\n" in watch.stream.getvalue()


async def test_a_child_that_keeps_failing_is_started_with_growing_pauses(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RESTART_DELAYS_S", (0.0, 0.01, 0.02))
    async with supervised(tmp_path, feed="raise SystemExit(3)") as (_, watch):
        await watch.until(lambda seen: seen.stream.getvalue().count("in 0.02 s") >= 2)
        said = watch.stream.getvalue()
    assert said.index("ended with code 3; starting it again.") < said.index("in 0.01 s") < said.index("in 0.02 s")


async def test_a_child_deaf_to_sigterm_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", 0.3)
    async with supervised(tmp_path, jobs=IGNORES_SIGTERM) as (supervisor, watch):
        await watch.until(lambda seen: "at work" in seen.stream.getvalue())
        child = psutil.Process(watch.pids["jobs"])
        await supervisor.stop()
        assert not child.is_running()
        assert "Killed after 0.3 s: jobs" in watch.stream.getvalue()


async def test_the_last_group_to_start_is_the_first_to_stop(tmp_path):
    async with supervised(tmp_path, exchange=says_when_stopped("exchange")) as (supervisor, watch):
        supervisor.start([Child(name="feed", command=(sys.executable, "-c", says_when_stopped("feed")))])
        await watch.until(lambda seen: seen.stream.getvalue().count("at work") == 2)
        await supervisor.stop()
        said = watch.stream.getvalue()
    assert said.index("feed stopped") < said.index("exchange stopped")


@pytest.mark.parametrize(
    ("code", "words"), [(0, "ended with code 0"), (-15, "was ended by SIGTERM"), (-99, "was ended by signal 99")]
)
def test_an_ending_in_words(code, words):
    assert ending(code) == words
