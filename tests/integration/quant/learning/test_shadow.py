"""Predictions are written as bars close, judged by what came after, and drift demotes."""

from datetime import timedelta

import numpy as np
import pytest

from marketdata.models import BarRow, Subscription
from quant.learning.features import MARKET_FEATURES, SCHEMA_HASH
from quant.learning.labels import triple_barrier
from quant.learning.loading import label_params, load_bars, load_entries, load_market
from quant.learning.registry import stage_of
from quant.learning.shadow import judge_versions, prune_predictions, record_predictions
from quant.models import ModelPrediction, ModelStatus, ModelVersion, SignalSample
from tests.integration.quant.learning.conftest import MINUTE

pytestmark = pytest.mark.django_db


def ns(moment):
    return int(moment.timestamp()) * 10**9


def record_along(scene, version, *, every=5):
    """As if the task ran every few minutes from the version's creation to now, with the bars of each moment."""
    end = scene.now
    moment = version.created_at
    while moment < end:
        moment += timedelta(minutes=every)
        record_predictions(now_ns=ns(moment))


def test_predictions_are_of_closed_bars_after_the_version_was_made_and_once_each(scene):
    scene.fill(bars=1200, planted=0.35)
    version = scene.version(age=timedelta(minutes=30))
    assert record_predictions(now_ns=ns(scene.now)) == 30
    assert record_predictions(now_ns=ns(scene.now)) == 0
    said = ModelPrediction.objects.order_by("ts_close")
    assert said.first().ts_close == ns(version.created_at) + MINUTE
    assert said.last().ts_close == ns(scene.now)
    one = said.last()
    assert one.p_sell + one.p_hold + one.p_buy == pytest.approx(1.0)


def test_a_bar_of_the_future_is_not_predicted(scene):
    scene.fill(bars=1200)
    scene.version(age=timedelta(minutes=30))
    record_predictions(now_ns=ns(scene.now) - 10 * MINUTE - 1)
    assert ModelPrediction.objects.count() == 19


def test_what_is_said_of_a_bar_does_not_depend_on_bars_after_it(scene):
    scene.fill(bars=1200, planted=0.35)
    version = scene.version(age=timedelta(minutes=30))
    record_predictions(now_ns=ns(scene.now) - 10 * MINUTE)
    early = dict(ModelPrediction.objects.values_list("ts_close", "p_buy"))
    ModelPrediction.objects.all().delete()
    ModelVersion.objects.filter(pk=version.pk).update(created_at=scene.now - timedelta(minutes=30))
    record_predictions(now_ns=ns(scene.now))
    late = dict(ModelPrediction.objects.values_list("ts_close", "p_buy"))
    assert len(early) == 20
    # Averages begun ten bars later differ in what they remember of 700 bars ago.
    for ts_close, p_buy in early.items():
        assert late[ts_close] == pytest.approx(p_buy, abs=1e-3)


def test_evidence_is_of_predictions_written_in_time(scene):
    scene.fill(bars=2500, planted=0.35, seed=21)
    version = scene.version(age=timedelta(minutes=1400))
    record_along(scene, version, every=60)
    judge_versions(now=scene.now)
    version.refresh_from_db()
    # Of every hour, the last six minutes were written within five minutes of their close.
    assert version.evidence["predictions"] == 1400
    some = version.evidence["trades"]
    ModelPrediction.objects.update(ts_written=0)
    judge_versions(now=scene.now)
    version.refresh_from_db()
    assert version.evidence["trades"] > some
    assert version.evidence["mean_bps"] > 0.0
    assert version.evidence["p_value"] < 0.05
    # It has been in shadow for a day: too early for a test that counts.
    assert stage_of(version).trades == version.evidence["trades"]
    assert stage_of(version).looks.count == 0


def test_what_counts_is_tested_when_the_time_is_over_and_begins_anew_with_the_status(scene):
    scene.fill(bars=2500, planted=0.35, seed=21)
    version = scene.version(age=timedelta(minutes=1400))
    record_along(scene, version, every=60)
    ModelPrediction.objects.update(ts_written=0)
    ModelVersion.objects.filter(pk=version.pk).update(status_since=scene.now - timedelta(days=14))
    for _ in range(2):
        judge_versions(now=scene.now)
    version.refresh_from_db()
    looks = stage_of(version).looks
    assert (looks.count, looks.trades, looks.passed) == (1, version.evidence["trades"], True)
    ModelVersion.objects.filter(pk=version.pk).update(status="canary", status_since=scene.now - timedelta(days=7))
    version.refresh_from_db()
    assert stage_of(version).trades == 0
    judge_versions(now=scene.now)
    version.refresh_from_db()
    assert stage_of(version).looks.count == 1
    ModelVersion.objects.filter(pk=version.pk).update(status_since=scene.now)
    judge_versions(now=scene.now)
    version.refresh_from_db()
    assert (stage_of(version).trades, stage_of(version).looks.count) == (0, 0)


def test_days_count_on_which_it_predicted_in_time(scene):
    scene.fill(bars=1200)
    version = scene.version(age=timedelta(minutes=60))
    record_predictions(now_ns=ns(scene.now))
    said = ModelPrediction.objects.order_by("ts_close")
    late, early = said.first(), said.last()
    ModelPrediction.objects.filter(pk=late.pk).update(ts_close=late.ts_close - 86_400 * 10**9)
    judge_versions(now=scene.now)
    version.refresh_from_db()
    assert version.evidence["days"] == 1
    ModelPrediction.objects.filter(pk=early.pk).update(
        ts_close=early.ts_close - 86_400 * 10**9, ts_written=early.ts_written - 86_400 * 10**9
    )
    judge_versions(now=scene.now)
    version.refresh_from_db()
    assert version.evidence["days"] == 2


def test_instruments_that_move_together_are_no_more_evidence_than_one(scene):
    bases = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOT", "LTC", "UNI")
    for base in bases:
        bars = scene.fill(base, bars=2000, seed=24)
        Subscription.objects.create(exchange=scene.venue, symbol=f"{base}/USDT", follower="test")
    pooled = scene.version(exchange="", symbol="", run=scene.ask(*bases))
    alone = scene.version()
    rng = np.random.default_rng(7)
    for i in range(400, 1980, 15):
        is_up = bool(bars.close[i + 12] > bars.close[i]) == bool(rng.random() < 0.61)
        said = {"p_sell": 0.1 if is_up else 0.7, "p_hold": 0.2, "p_buy": 0.7 if is_up else 0.1, "close": 1.0}
        when = {"ts_close": int(bars.ts_open[i]) + MINUTE, "ts_written": int(bars.ts_open[i]) + MINUTE}
        places = [(alone, "BTC"), *((pooled, base) for base in bases)]
        ModelPrediction.objects.bulk_create(
            ModelPrediction(version=version, exchange="simulated", symbol=f"{base}/USDT", **said, **when)
            for version, base in places
        )
    judge_versions(now=scene.now)
    alone.refresh_from_db()
    pooled.refresh_from_db()
    assert pooled.evidence["trades"] == len(bases) * alone.evidence["trades"]
    assert 0.02 < alone.evidence["p_value"] < 0.3
    assert pooled.evidence["p_value"] > 0.5 * alone.evidence["p_value"]


def test_a_market_like_the_one_learned_from_does_not_drift(scene):
    scene.fill(bars=6000, planted=0.35, seed=3)
    version = scene.version(status="live")
    judge_versions(now=scene.now)
    version.refresh_from_db()
    assert version.drift["value"] < 0.05
    assert version.status == ModelStatus.LIVE


def test_another_market_demotes_a_live_version_and_says_what_moved(scene):
    scene.fill(bars=6000, planted=0.35, seed=3)
    version = scene.version(status="live")
    BarRow.objects.update(taker_buy_volume=None)
    judge_versions(now=scene.now)
    version.refresh_from_db()
    assert version.drift["value"] > 0.2
    assert version.status == ModelStatus.SHADOW
    event = version.events.get()
    assert (event.kind, event.actor) == ("demoted", "")
    assert "PSI" in event.reason
    assert "taker_flow" in event.reason


def test_too_few_bars_say_nothing_of_drift(scene):
    scene.fill(bars=700)
    version = scene.version(status="live")
    judge_versions(now=scene.now)
    version.refresh_from_db()
    assert (version.drift, version.status) == ({}, ModelStatus.LIVE)


def test_a_version_that_was_changed_is_taken_off_and_the_others_go_on(scene):
    scene.fill(bars=1200)
    broken = scene.version("ETH", status="live", sha256="0" * 64)
    fine = scene.version(age=timedelta(minutes=10))
    assert record_predictions(now_ns=ns(scene.now)) == 10
    judge_versions(now=scene.now)
    broken.refresh_from_db()
    assert broken.status == ModelStatus.SHADOW
    assert ModelPrediction.objects.filter(version=fine).count() == 10


def test_market_features_are_joined_at_the_close_of_the_bar(scene):
    scene.fill(bars=20)
    bars = load_bars("simulated", "BTC/USDT", "1m", start_ns=None, end_ns=None)
    closes = bars.ts_open + MINUTE
    common = {"exchange": "simulated", "symbol": "BTC/USDT", "names": [], "values": [], "qualities": []}
    market = [None, *(float(i) for i in range(1, len(MARKET_FEATURES)))]
    SignalSample.objects.create(ts_event=int(closes[3]), market=market, schema_hash=SCHEMA_HASH, **common)
    SignalSample.objects.create(ts_event=int(closes[4]), market=market, schema_hash="other", **common)
    SignalSample.objects.create(ts_event=int(closes[5]) + 1, market=market, schema_hash=SCHEMA_HASH, **common)
    found = load_market("simulated", "BTC/USDT", closes)
    assert found[3, 1:].tolist() == market[1:]
    assert sum(1 for row in found if (row == row).any()) == 1


def test_what_moved_before_the_features_were_read_is_no_gain(scene):
    scene.fill(bars=900, planted=0.35)
    bars = load_bars("simulated", "BTC/USDT", "1m", start_ns=None, end_ns=None)
    closes = bars.ts_open + MINUTE
    common = {"exchange": "simulated", "symbol": "BTC/USDT", "names": [], "values": [], "qualities": []}
    mids = [(500, bars.high[501]), (501, 2.0 * bars.high[502]), (502, None)]
    for i, mid in mids:
        SignalSample.objects.create(ts_event=int(closes[i]), mid=mid, market=[], schema_hash=SCHEMA_HASH, **common)
    entry = load_entries("simulated", "BTC/USDT", "1m", bars)
    assert entry[500:503].tolist() == [bars.high[501], bars.high[502], bars.close[502]]
    assert (np.delete(entry, [500, 501]) == np.delete(bars.close, [500, 501])).all()
    params, sigma = label_params(2, 0.0), np.full(900, 1.0)
    found = triple_barrier(bars, sigma, np.array([500]), params, length_ns=MINUTE, entry=entry)
    assert found.gain_buy[0] == pytest.approx(np.log(bars.close[502] / bars.high[501]))


def test_old_predictions_are_deleted(scene):
    scene.fill(bars=1200)
    scene.version(age=timedelta(minutes=10))
    record_predictions(now_ns=ns(scene.now))
    assert prune_predictions(now_ns=ns(scene.now + timedelta(days=120))) == 9
    assert ModelPrediction.objects.count() == 1
