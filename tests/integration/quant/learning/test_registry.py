"""Versions move by the rules, one live a scope, and back in one step."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from quant.learning import registry
from quant.learning.failures import ArtefactError
from quant.learning.registry import NotAllowed
from quant.learning.serving import Predictor
from quant.models import ModelEvent, ModelStatus, ModelVersion

pytestmark = pytest.mark.django_db
TWO_WEEKS = timedelta(days=14)
PASSED = {"count": 1, "trades": 400, "p_value": 0.01, "passed": True}


def good(scene, *, age=TWO_WEEKS, days=14, **stage):
    """Evidence of what was seen since the version has its status."""
    seen = {"since": (scene.now - age).isoformat(), "trades": 400, "mean_bps": 3.0, "looks": PASSED, **stage}
    return {"predictions": 20_000, "trades": 400, "mean_bps": 3.0, "p_value": 0.01, "days": days, "stage": seen}


def promote(version, scene, **changed):
    return registry.promote(version.pk, **{"actor": "alice", "now": scene.now, **changed})


def test_two_weeks_and_evidence_promote_to_canary_and_then_to_live(scene):
    version = scene.version(age=TWO_WEEKS, evidence=good(scene))
    assert promote(version, scene).status == ModelStatus.CANARY
    with pytest.raises(NotAllowed, match=r"in canary for 0\.0 days, needs 7\. .* in canary made 0 trades, needs 30"):
        promote(version, scene)
    ModelVersion.objects.filter(pk=version.pk).update(evidence=good(scene, age=timedelta(0)))
    scene.now += timedelta(days=7)
    assert promote(version, scene).status == ModelStatus.LIVE
    moves = [(event.kind, event.before, event.after, event.actor) for event in version.events.order_by("pk")]
    assert moves == [("promoted", "shadow", "canary", "alice"), ("promoted", "canary", "live", "alice")]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"age": timedelta(days=13)}, "in shadow for 13.0 days, needs 14"),
        ({"evidence": {}}, "made 0 trades, needs 30"),
        ({"stage": {"trades": 29}}, "made 29 trades, needs 30"),
        ({"stage": {"looks": {}}}, "has not been tested yet"),
        (
            {"stage": {"looks": {"count": 2, "trades": 90, "p_value": 0.02, "passed": False}}},
            r"\+3.0 bps a trade after costs, p 0.020 at 90 trades, needs 0.008 at look 2; the next look is at 180 trades",
        ),
        ({"stage": {"since": "2020-01-01T00:00:00+00:00"}}, "in shadow made 0 trades"),
        ({"stage": {"days": 9}}, "in time on 9 days, needs 10"),
        ({"drift": {"value": 0.21}}, "moved away from what it learned from: PSI 0.21"),
        ({"refusals": ["A logistic regression is as good."]}, "A logistic regression is as good"),
    ],
)
def test_what_speaks_against_it_stops_it_and_is_said(scene, changed, words):
    age = changed.get("age", TWO_WEEKS)
    evidence = good(scene, age=age, **changed.pop("stage", {}))
    version = scene.version(**{"age": age, "evidence": evidence, **changed})
    with pytest.raises(NotAllowed, match=words):
        promote(version, scene)
    version.refresh_from_db()
    assert version.status == ModelStatus.SHADOW


def test_staff_may_force_it_with_a_reason_that_is_kept(scene):
    version = scene.version()
    with pytest.raises(NotAllowed, match="Say why"):
        promote(version, scene, force=True, reason="  ")
    promote(version, scene, force=True, reason="A test on a paper account.")
    event = version.events.get()
    assert (event.kind, event.reason, event.after) == ("forced", "A test on a paper account.", "canary")


def test_a_new_live_version_retires_the_old_one_and_rolling_back_restores_it(scene):
    old = scene.version(status="live")
    new = scene.version(status="canary", age=TWO_WEEKS, evidence=good(scene))
    promote(new, scene)
    old.refresh_from_db()
    assert old.status == ModelStatus.RETIRED
    back = registry.roll_back(new.pk, actor="bob", reason="It trades too much.", now=scene.now)
    assert back == old
    new.refresh_from_db()
    assert (back.status, new.status) == (ModelStatus.LIVE, ModelStatus.RETIRED)
    told = [(event.version_id, event.kind) for event in ModelEvent.objects.order_by("pk")][-2:]
    assert told == [(new.pk, "rolled_back"), (old.pk, "restored")]


def test_rolling_back_the_first_leaves_nothing_live(scene):
    version = scene.version(status="live")
    assert registry.roll_back(version.pk, actor="bob", now=scene.now) is None
    assert not ModelVersion.objects.filter(status="live").exists()


def test_only_a_live_version_can_be_rolled_back(scene):
    with pytest.raises(NotAllowed, match="is canary"):
        registry.roll_back(scene.version(status="canary").pk, actor="bob", now=scene.now)


def test_nothing_is_rolled_back_to_a_version_that_was_changed(scene):
    old = scene.version(status="retired", artefact="{}")
    new = scene.version(status="live", replaced=old)
    with pytest.raises(NotAllowed, match="was changed after it was registered"):
        registry.roll_back(new.pk, actor="bob", now=scene.now)
    new.refresh_from_db()
    assert new.status == ModelStatus.LIVE


def test_the_database_itself_refuses_two_live_ones_in_a_scope(scene):
    scene.version(status="live")
    with pytest.raises(IntegrityError), transaction.atomic():
        scene.version(status="live")
    assert scene.version("ETH", status="live").pk


def test_scopes_do_not_disturb_each_other(scene):
    btc = scene.version(status="live")
    eth = scene.version("ETH", status="canary", age=TWO_WEEKS, evidence=good(scene))
    promote(eth, scene)
    btc.refresh_from_db()
    assert btc.status == ModelStatus.LIVE


def test_retired_and_live_versions_are_not_promoted(scene):
    for status in ("retired", "live"):
        with pytest.raises(NotAllowed, match=f"is {status}"):
            promote(scene.version(status=status), scene)


def test_demoting_and_retiring(scene):
    version = scene.version(status="live")
    assert registry.demote(version.pk, actor="", reason="drift", now=scene.now).status == ModelStatus.SHADOW
    with pytest.raises(NotAllowed, match="is shadow"):
        registry.demote(version.pk, actor="", reason="drift", now=scene.now)
    assert registry.retire(version.pk, actor="bob", reason="", now=scene.now).status == ModelStatus.RETIRED
    with pytest.raises(NotAllowed, match="retired already"):
        registry.retire(version.pk, actor="bob", reason="", now=scene.now)


def test_a_changed_or_outdated_version_is_not_served(scene):
    version = scene.version(status="live")
    assert Predictor.from_version(version).name == str(version)
    version.artefact = version.artefact.replace('"theta":0.1', '"theta":0.0')
    with pytest.raises(ArtefactError, match=f"{version} was changed"):
        Predictor.from_version(version)


def test_which_version_votes(scene):
    scene.version(status="retired")
    shadow, canary = scene.version(), scene.version(status="canary")
    pooled = scene.version("ETH", exchange="", symbol="", status="live")

    def chosen(**changed):
        asked = {"exchange": "simulated", "symbol": "BTC/USDT", "timeframe": "1m", **changed}
        return registry.version_for(list(registry.active_versions()), **asked)

    assert chosen() == pooled
    live = scene.version(status="live")
    assert chosen() == live
    assert chosen(symbol="SOL/USDT") == pooled
    assert chosen(timeframe="5m") is None
    ModelVersion.objects.filter(pk__in=[live.pk, pooled.pk]).update(status="retired")
    assert chosen() == canary
    ModelVersion.objects.filter(pk=canary.pk).update(status="retired")
    assert chosen() == shadow
    assert [registry.WEIGHT_FACTORS[status] for status in ModelVersion.ACTIVE] == [0.0, 0.25, 1.0]
