"""A training through the real queue and a real jobs worker."""

import os
import subprocess
from pathlib import Path

import pytest
from django.db import connections

from tests.integration.tradingsite.processes import wait_for

ROOT = Path(__file__).resolve().parents[4]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_the_jobs_worker_trains_what_was_asked_for(scene, redis_flush, tmp_path):
    from quant.learning.runs import enqueue
    from quant.models import ModelVersion, TrainingRun
    from tradingsite.local import plan

    scene.fill(bars=4500, planted=0.35)
    run = scene.ask()
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    name = connections["default"].settings_dict["NAME"]
    environment = {**os.environ, "DATABASE_URL": f"{base}/{name}", "PYTHONPATH": str(ROOT)}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            plan.worker("jobs"), cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            enqueue(run)
            wait_for(lambda: TrainingRun.objects.get(pk=run.pk).is_finished, process, tmp_path)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    run.refresh_from_db()
    assert (run.state, run.error) == ("done", "")
    assert ModelVersion.objects.get().run == run
