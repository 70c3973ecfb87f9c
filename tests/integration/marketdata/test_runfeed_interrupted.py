"""Ctrl-C while `manage.py runfeed` is still loading."""

import signal
import subprocess
import sys

import pytest

from tests.integration.marketdata.test_runfeed import ROOT, environment
from tests.patience import PATIENCE_S


@pytest.mark.django_db
@pytest.mark.parametrize("module", ["psycopg", "django.db.models"])
def test_it_ends_without_a_traceback(module):
    command = [sys.executable, "-X", "importtime", "manage.py", "runfeed", "--exchange", "simulated"]
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        # Each module is told of when it is loaded; those that need it are not yet.
        for line in process.stderr:
            if line.rpartition("|")[2].strip() == module:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(timeout=PATIENCE_S) == 130, rest[-2000:]
    assert "Traceback" not in rest
