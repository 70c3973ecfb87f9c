"""Models over REST and in the admin."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from quant.models import ModelStatus, ModelVersion, TrainingRun

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()
    yield
    cache.clear()


def person(name, **rights):
    from bots.models import User

    return User.objects.create_user(name, password="a long enough password", **rights)


@pytest.fixture
def sent(monkeypatch):
    """What would have gone to the jobs worker."""
    from celery import current_app

    found = []
    monkeypatch.setattr(current_app, "send_task", lambda name, kwargs: found.append((name, kwargs)))
    return found


@pytest.fixture
def staff(db):
    client = APIClient()
    client.force_authenticate(person("alice", is_staff=True))
    return client


@pytest.fixture
def trader(db):
    client = APIClient()
    client.force_authenticate(person("bob"))
    return client


@pytest.fixture
def root(db):
    client = Client()
    client.force_login(person("carol", is_staff=True, is_superuser=True), BACKEND)
    return client


ASKED = {"exchange": "simulated", "symbols": ["BTC/USDT"], "horizon_bars": 12, "cost_bps": 5}


def test_staff_ask_for_a_training_and_follow_it(staff, scene, sent, django_capture_on_commit_callbacks):
    scene.fill(bars=400)
    with django_capture_on_commit_callbacks(execute=True):
        answer = staff.post("/api/v1/models/train", ASKED)
    assert answer.status_code == 202
    run = answer.json()
    assert (run["state"], run["progress"], run["requested_by"], run["model"]) == ("queued", 0.0, "alice", None)
    assert sent == [("quant.train_model", {"run_id": run["id"]})]
    assert staff.get(f"/api/v1/models/runs/{run['id']}").json()["phase"] == "Waiting for the jobs worker"
    cancelled = staff.post(f"/api/v1/models/runs/{run['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    again = staff.post(f"/api/v1/models/runs/{run['id']}/cancel")
    assert (again.status_code, again.json()["detail"]) == (409, "This training is over: it is cancelled.")
    assert [row["id"] for row in staff.get("/api/v1/models/runs?state=cancelled").json()["results"]] == [run["id"]]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"symbols": []}, "symbols"),
        ({"symbols": ["XRP/USDT"]}, "symbols"),
        ({"symbols": "BTC/USDT"}, "symbols"),
        ({"horizon_bars": 1}, "horizon_bars"),
        ({"horizon_bars": "many"}, "horizon_bars"),
        ({"cost_bps": 1e9}, "cost_bps"),
        ({"timeframe": "7m"}, "timeframe"),
        ({"start": "2026-02-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "end"),
        ({"start": "yesterday"}, "start"),
        ({"exchange": "nowhere"}, "symbols"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_cannot_be_trained_is_a_400_that_names_the_field(staff, scene, sent, changed, field):
    scene.instrument("BTC")
    answer = staff.post("/api/v1/models/train", {**ASKED, **changed})
    assert answer.status_code == 400
    assert any(name.startswith(field) for name in answer.json()["errors"])
    assert not TrainingRun.objects.exists()


def test_who_is_not_staff_may_look_and_not_touch(trader, scene, sent):
    version = scene.version()
    assert trader.get("/api/v1/models").json()["results"][0]["name"] == str(version)
    assert trader.get("/api/v1/models/runs").status_code == 200
    for address in (
        "models/train",
        f"models/{version.pk}/promote",
        f"models/{version.pk}/rollback",
        "models/runs/1/cancel",
    ):
        answer = trader.post(f"/api/v1/{address}", ASKED)
        assert (answer.status_code, "Only staff" in answer.json()["detail"]) == (403, True)
    assert APIClient().get("/api/v1/models").status_code == 401


def test_a_version_says_what_speaks_against_it_and_keeps_its_trees_to_itself(staff, scene):
    version = scene.version(refusals=["A logistic regression is as good."])
    found = staff.get(f"/api/v1/models/{version.pk}").json()
    assert found["against"][0] == "A logistic regression is as good."
    assert "artefact" not in found
    assert found["sha256"] == version.sha256


def test_promoting_by_the_rules_by_force_and_rolling_back(staff, scene):
    version = scene.version(created_at=timezone.now(), status_since=timezone.now())
    refused = staff.post(f"/api/v1/models/{version.pk}/promote", {})
    assert refused.status_code == 409
    assert "in shadow for 0.0 days, needs 14" in refused.json()["detail"]
    assert staff.post(f"/api/v1/models/{version.pk}/promote", {"force": True}).status_code == 409
    forced = staff.post(f"/api/v1/models/{version.pk}/promote", {"force": True, "reason": "Paper only."})
    assert (forced.status_code, forced.json()["status"]) == (200, "canary")
    staff.post(f"/api/v1/models/{version.pk}/promote", {"force": True, "reason": "Paper only."})
    back = staff.post(f"/api/v1/models/{version.pk}/rollback", {})
    assert back.json()["status"] == "retired"
    assert [event["kind"] for event in back.json()["events"]] == ["rolled_back", "forced", "forced"]
    assert staff.post("/api/v1/models/999999/promote", {}).status_code == 404
    assert staff.post(f"/api/v1/models/{version.pk}/promote", {"force": "perhaps"}).status_code == 400


def test_the_admin_trains(root, scene, sent, django_capture_on_commit_callbacks):
    scene.fill(bars=400)
    page = root.get(reverse("admin:quant_trainingrun_add")).content.decode()
    assert "Train a model" in page
    fields = {
        "instruments": [scene.instrument("BTC").pk],
        "timeframe": "1m",
        "horizon_bars": 12,
        "cost_bps": 5,
        "seed": 1,
    }
    with django_capture_on_commit_callbacks(execute=True):
        answer = root.post(reverse("admin:quant_trainingrun_add"), fields)
    run = TrainingRun.objects.get()
    assert answer.url == reverse("admin:quant_trainingrun_change", args=[run.pk])
    assert (run.requested_by, run.symbols, run.state) == ("carol", ["BTC/USDT"], "queued")
    assert sent == [("quant.train_model", {"run_id": run.pk})]
    following = root.get(answer.url)
    assert following["Refresh"] == "2"
    assert "<progress" in following.content.decode()
    root.post(answer.url, {"_cancel": "1"})
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert "Refresh" not in root.get(answer.url)
    assert root.get(reverse("admin:quant_trainingrun_changelist")).status_code == 200


def test_the_admin_says_what_cannot_be_trained(root, scene, sent):
    fields = {
        "instruments": [scene.instrument("BTC").pk],
        "timeframe": "1m",
        "horizon_bars": 1,
        "cost_bps": 5,
        "seed": 1,
    }
    answer = root.post(reverse("admin:quant_trainingrun_add"), fields)
    assert answer.status_code == 200
    assert not TrainingRun.objects.exists()
    assert "errorlist" in answer.content.decode()


def test_the_admin_moves_versions_and_says_why_not(root, scene):
    version = scene.version(refusals=["A logistic regression is as good."])
    address = reverse("admin:quant_modelversion_change", args=[version.pk])
    page = root.get(address).content.decode()
    assert "A logistic regression is as good." in page
    assert "Promote to canary" in page
    told = root.post(address, {"_promote": "1", **inlines()}, follow=True).content.decode()
    assert "stays shadow" in told
    root.post(address, {"_promote": "1", "force": "on", "reason": "A trial.", **inlines()})
    root.post(address, {"_promote": "1", "force": "on", "reason": "A trial.", **inlines()})
    version.refresh_from_db()
    assert version.status == ModelStatus.LIVE
    assert "Roll back" in root.get(address).content.decode()
    root.post(address, {"_roll_back": "1", **inlines()})
    version.refresh_from_db()
    assert version.status == ModelStatus.RETIRED
    assert version.events.count() == 3
    assert root.get(reverse("admin:quant_modelversion_changelist")).status_code == 200


def inlines():
    return {"events-TOTAL_FORMS": 0, "events-INITIAL_FORMS": 0}


def test_a_version_with_all_its_figures_is_shown(root, scene):
    part = dict.fromkeys(
        ("skill", "baseline_skill", "log_loss", "brier", "calibration_error", "matthews", "mean_bps", "hit_rate", "sharpe"), 0.1
    ) | {"rows": 10, "trades": 5, "deflated": None, "p_value": 0.01}  # fmt: skip
    metrics = {
        "holdout": part, "walk_forward": part, "shuffled_skill": 0.0, "temperature": 1.0, "theta": 0.1,
        "cross_validation": {"splits": 15, "skill": 0.1, "skill_deviation": 0.1, "skill_positive": 1.0},
    }  # fmt: skip
    version = scene.version(
        metrics=metrics,
        evidence={"predictions": 3, "trades": 40, "mean_bps": 1.0, "p_value": 0.2},
        drift={"predictions": 0.1, "features": 0.2, "rows": 600, "worst": {"rsi_14": 0.4}, "value": 0.2},
    )
    page = root.get(reverse("admin:quant_modelversion_change", args=[version.pk])).content.decode()
    for words in ("+10.00%", "p 0.200", "rsi_14 0.40", "Walking forward"):
        assert words in page
    assert ModelVersion.objects.get().status == "shadow"
