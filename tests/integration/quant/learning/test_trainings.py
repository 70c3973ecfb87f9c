"""Trainings with a real database: what is planted is found, what is too little is refused, a cancel ends them."""

import json
import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from quant.learning.runs import BadRun, cancel_run, sweep_lost
from quant.learning.training import execute, trials_of
from quant.models import ModelStatus, ModelVersion, RunState, TrainingRun
from quant.tasks import train_model

pytestmark = pytest.mark.django_db


def test_a_planted_signal_is_found_and_registered_in_shadow(scene):
    scene.fill(planted=0.35, seed=11)
    run = scene.ask()
    assert (run.state, run.progress) == ("queued", 0.0)
    train_model(run.pk)
    run.refresh_from_db()
    assert (run.state, run.progress, run.error) == ("done", 1.0, "")
    version = ModelVersion.objects.get()
    assert run.phase == f"Registered {version} in shadow"
    assert version.status == ModelStatus.SHADOW
    assert str(version) == "simulated-btc-usdt-1m v1"
    assert version.metrics["holdout"]["skill"] > 0.02
    assert version.metrics["holdout"]["p_value"] < 0.05
    assert version.metrics["holdout"]["mean_bps"] > 0
    assert (version.bars, version.trials, version.run) == (9000, 1, run)
    assert version.labels > 500
    assert version.code_revision not in ("", "unknown")
    assert [(event.kind, event.actor) for event in version.events.all()] == [("registered", "alice")]
    assert json.loads(version.artefact)["booster"].startswith("tree\n")


def test_noise_is_registered_with_reasons_against_it(scene):
    scene.fill(seed=12)
    done = execute(scene.ask().pk, clock=scene.clock)
    assert done.state == RunState.DONE
    version = ModelVersion.objects.get()
    assert abs(version.metrics["cross_validation"]["skill"]) < 0.015
    assert version.refusals


def test_a_second_training_is_the_next_number_and_a_second_trial(scene):
    scene.fill(bars=4500, planted=0.35)
    for _ in range(2):
        execute(scene.ask().pk, clock=scene.clock)
    assert [(v.number, v.trials) for v in ModelVersion.objects.order_by("pk")] == [(1, 1), (2, 2)]


def test_every_pooled_training_is_a_trial_whatever_its_symbols(scene):
    for base in ("BTC", "ETH", "SOL"):
        scene.instrument(base)
    runs = [scene.ask("BTC", "ETH"), scene.ask("ETH", "BTC"), scene.ask("BTC", "ETH", "SOL"), scene.ask("BTC")]
    TrainingRun.objects.update(metrics={"scored": True})
    assert [trials_of(run) for run in runs] == [3, 3, 3, 1]


def test_several_symbols_make_one_pooled_model(scene):
    scene.fill("BTC", bars=4500, planted=0.35)
    scene.fill("ETH", bars=4500, planted=0.35, seed=2)
    execute(scene.ask("BTC", "ETH").pk, clock=scene.clock)
    version = ModelVersion.objects.get()
    assert (version.exchange, version.symbol, version.name, version.bars) == ("", "", "pooled-1m", 9000)


def test_too_few_bars_are_refused_with_how_many_and_how_to_get_them(scene):
    scene.fill(bars=400)
    done = execute(scene.ask(horizon=60).pk, clock=scene.clock)
    assert done.state == RunState.REFUSED
    assert "has 400 usable bars of 1m in this span; a horizon of 60 bars needs 12,310" in done.error
    assert "`manage.py backfill simulated BTC/USDT --timeframe 1m --from 2026-02-20`" in done.error
    assert not ModelVersion.objects.exists()


def test_no_bars_at_all_are_refused_the_same_way(scene):
    scene.instrument("BTC")
    done = execute(scene.ask().pk, clock=scene.clock)
    assert done.state == RunState.REFUSED
    assert "has 0 usable bars" in done.error


def test_a_market_that_cannot_pay_the_cost_is_refused(scene):
    scene.fill(bars=4500)
    done = execute(scene.ask(cost_bps=100.0).pk, clock=scene.clock)
    assert done.state == RunState.REFUSED
    assert "barriers are more than 2 times the cost of 100 bps away; 500 are needed" in done.error


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"timeframe": "7m"}, "timeframe", "'7m': allowed is one of 1m"),
        ({"horizon": 1}, "horizon_bars", "1: allowed is 2 to 2000"),
        ({"cost_bps": -1.0}, "cost_bps", "-1.0: allowed is 0 to 1000"),
        ({"cost_bps": float("nan")}, "cost_bps", "nan: allowed"),
        ({"start_ns": 5, "end_ns": 5}, "end", "ends before it begins"),
        ({"exchange": "nowhere"}, "symbols", "nowhere has no BTC/USDT"),
    ],
)
def test_what_cannot_be_asked_for_is_named(scene, changed, field, words):
    scene.instrument("BTC")
    with pytest.raises(BadRun, match=words) as refused:
        scene.ask(**changed)
    assert refused.value.field == field
    assert not TrainingRun.objects.exists()


def test_one_that_waits_is_cancelled_at_once_and_never_begins(scene):
    scene.fill(bars=400)
    run = scene.ask()
    assert cancel_run(run.pk, now=scene.now).state == RunState.CANCELLED
    assert execute(run.pk, clock=scene.clock).state == RunState.CANCELLED


def test_one_that_has_ended_is_not_run_again(scene):
    scene.fill(bars=400)
    run = scene.ask()
    first = execute(run.pk, clock=scene.clock)
    scene.now += timedelta(hours=1)
    assert execute(run.pk, clock=scene.clock).finished_at == first.finished_at


@pytest.mark.django_db(transaction=True)
def test_one_that_runs_is_cancelled_between_iterations(scene):
    scene.fill(planted=0.35)
    run = scene.ask()

    class Listener:
        """Cancels from another connection as soon as the first split is fitted."""

        said: list[str] = []

        def say(self, share, words):
            self.said.append(words)
            if words.startswith("Cross-validation") and ", split 1 " in words:
                thread = threading.Thread(target=cancel_elsewhere)
                thread.start()
                thread.join()

        def check(self):
            pass

    def cancel_elsewhere():
        cancel_run(run.pk, now=scene.now)
        connection.close()

    listener = Listener()
    done = execute(run.pk, clock=scene.clock, beside=listener)
    assert (done.state, done.error) == (RunState.CANCELLED, "")
    assert not any(words.startswith("Cross-validation, split 2 ") for words in listener.said)
    assert not ModelVersion.objects.exists()


def test_a_run_whose_worker_died_fails_and_says_so(scene):
    scene.fill(bars=400)
    run = scene.ask()
    TrainingRun.objects.filter(pk=run.pk).update(state="running", heartbeat_at=scene.now)
    assert sweep_lost(now=scene.now + timedelta(minutes=4)) == 0
    assert sweep_lost(now=scene.now + timedelta(minutes=6)) == 1
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert "worker ended" in run.error


def test_a_redelivered_message_goes_on_where_the_worker_died_and_not_beside_it(scene):
    scene.fill(bars=400)
    run = scene.ask()
    TrainingRun.objects.filter(pk=run.pk).update(state="running", heartbeat_at=scene.now)
    assert execute(run.pk, clock=scene.clock).state == RunState.RUNNING
    scene.now += timedelta(minutes=6)
    assert execute(run.pk, clock=scene.clock).state == RunState.REFUSED


def test_a_fault_of_ours_is_in_the_row_and_raised(scene, monkeypatch):
    scene.fill(bars=400)
    run = scene.ask()

    def broken(*_, **__):
        raise RuntimeError("disk full")

    monkeypatch.setattr("quant.learning.training.load_examples", broken)
    with pytest.raises(RuntimeError, match="disk full"):
        execute(run.pk, clock=scene.clock)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.FAILED, "RuntimeError: disk full")


def test_the_command_trains_and_says_how_it_went_as_json(scene, capsys):
    scene.fill(bars=4500, planted=0.35)
    with pytest.raises(SystemExit) as left:
        call_command("trainmodel", "simulated", "BTC/USDT", "--horizon", "12", "--cost-bps", "5", "--json")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    progress = [line["share"] for line in lines if line.get("event") == "progress"]
    assert progress == sorted(progress)
    end = lines[-1]
    assert left.value.code == 0
    assert (end["event"], end["state"], end["model"]) == ("end", "done", "simulated-btc-usdt-1m v1")


@pytest.mark.parametrize(
    ("arguments", "code"), [(("simulated", "XRP/USDT"), 2), (("simulated", "BTC/USDT", "--horizon", "60"), 3)]
)
def test_the_command_has_codes_for_what_went_wrong(scene, arguments, code):
    scene.fill(bars=400)
    with pytest.raises(SystemExit) as left:
        call_command("trainmodel", *arguments)
    assert left.value.code == code
