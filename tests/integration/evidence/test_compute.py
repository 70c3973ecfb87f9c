"""From stored samples to rows: what knows something is found, what knows nothing is not."""

import importlib
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from django.apps import apps
from django.db import connection, connections

from bots.queries.evidence import blend_specs
from bots.tasks import compute_evidence as task
from marketdata.models import BarRow, Subscription
from quant.evidence.blending import BlendSpec
from quant.evidence.compute import LOCK, compute_evidence
from quant.evidence.retention import prune_samples
from quant.evidence.window import read_window
from quant.models import EvidenceRow, ModelPrediction, ModelStatus, ModelVersion, SignalSample
from quant.reading import Component
from quant.strategies import STRATEGIES
from tests.integration.evidence.synthetic import NAMES, store_samples
from tests.unit.quant.evidence.cast import MINUTE_NS, NOON

pytestmark = pytest.mark.django_db
DAY_NS = 1440 * MINUTE_NS


@pytest.fixture
def follow(venue):
    Subscription.objects.create(exchange=venue, symbol="BTC/USDT", follower="bot:1")


def rows(**wanted) -> dict[str, EvidenceRow]:
    return {row.component: row for row in EvidenceRow.objects.filter(**wanted)}


def test_a_window_is_read_as_it_was_stored(venue, btc):
    store_samples(symbol="BTC/USDT", minutes=30)
    SignalSample.objects.filter(ts_event=NOON - 5 * MINUTE_NS).delete()
    ts_open = NOON - 6 * MINUTE_NS
    BarRow.objects.create(
        instrument=btc, timeframe="1m", ts_open=ts_open, open=9, high=9, low=9, close=9, volume=1, source="rest"
    )
    window = read_window(exchange="simulated", symbol="BTC/USDT", end_ns=NOON, days=1)
    assert window is not None
    assert len(window.mid) == 1440
    assert list(window.values) == NAMES
    last = SignalSample.objects.get(ts_event=NOON)
    assert window.mid[-1] == last.mid
    assert window.combined[-1] == last.combined
    assert window.values["speed"][-1] == last.values[2]
    assert np.isnan(window.values["options_flow"]).all()
    assert window.regimes["volatile"][-1] == (last.volatility in ("high", "extreme"))
    assert window.regimes["trend"][-1] == (last.regime == "trend")
    # The missing minute has no middle, but the bar that ended in it has a close.
    assert np.isnan(window.mid[-6])
    assert window.close[-6] == 9
    assert read_window(exchange="simulated", symbol="ETH/USDT", end_ns=NOON, days=1) is None


def store_predictions(name: str, *, knows: bool, written_after_ns: int = 0) -> None:
    """A version in shadow that says at each minute where the next one goes, or nothing that is true."""
    version = ModelVersion.objects.create(
        name=name, number=3, timeframe="1m", status=ModelStatus.SHADOW, artefact="{}", sha256="0", schema_hash="0",
        span_start_ns=0, span_end_ns=1, bars=1, labels=1, label_params={}, code_revision="test", trials=1, metrics={},
        created_at=datetime.now(UTC), status_since=datetime.now(UTC),
    )  # fmt: skip
    rng = np.random.default_rng(5)
    samples = list(SignalSample.objects.order_by("ts_event").values_list("ts_event", "mid"))
    predictions = []
    for (at_ns, mid), (_, later) in pairwise(samples):
        p_buy = rng.uniform() if not knows else 0.5 + 0.4 * np.sign(later - mid) * rng.uniform()
        predictions.append(
            ModelPrediction(
                version=version,
                exchange="simulated",
                symbol="BTC/USDT",
                ts_close=at_ns,
                ts_written=at_ns + written_after_ns,
                p_sell=1.0 - p_buy,
                p_hold=0.0,
                p_buy=p_buy,
                close=mid or 0.0,
            )
        )
    ModelPrediction.objects.bulk_create(predictions)


def test_a_model_in_shadow_has_evidence_of_its_own(follow):
    store_samples(symbol="BTC/USDT", minutes=3000)
    store_predictions("seer", knows=True)
    store_predictions("guesser", knows=False)
    store_predictions("too-late", knows=True, written_after_ns=6 * MINUTE_NS)
    # What is written after its minute has ended is known from the next one on, and has missed what it told of.
    store_predictions("a-minute-late", knows=True, written_after_ns=1)
    compute_evidence(now_ns=NOON, days=30)
    found = rows(horizon_s=60, regime="", kind="vote")
    assert found["model seer v3"].verdict == "supports"
    assert found["model seer v3"].ic > 0.5
    assert found["model seer v3"].n == 2999
    for name in ("guesser", "a-minute-late"):
        assert abs(found[f"model {name} v3"].ic) < 0.06
        assert found[f"model {name} v3"].verdict != "supports"
    assert "model too-late v3" not in found


def test_evidence_of_a_followed_symbol(follow):
    store_samples(symbol="BTC/USDT", minutes=4000)
    spec = BlendSpec(bot_id=7, exchange="simulated", symbol="BTC/USDT", timeframe_weights={"1m": 1.0})
    total = compute_evidence(now_ns=NOON, days=30, specs=[spec])
    assert total == EvidenceRow.objects.count() > 300
    found = rows(horizon_s=60, regime="")
    assert set(found) == {*NAMES, "combined", "bot:7"} - {"technical 1m forming"}
    speed, absent = found["speed"], found["options_flow"]
    assert speed.verdict == "supports"
    assert (speed.window_end_ns, speed.computed_at) == (NOON + MINUTE_NS, datetime.fromtimestamp(NOON / 1e9, tz=UTC))
    assert speed.n == 3999
    # It stands out long before the smallest effect worth having could be seen.
    assert speed.n_eff < speed.needed
    assert 0.05 < speed.ic_low < speed.ic < speed.ic_high < 0.15
    assert speed.t_hac > 3
    assert 0.5 < speed.hit_low < speed.hit_rate < speed.hit_high
    assert speed.marginal_ic > 0
    assert speed.break_even_bps > 0
    assert speed.psr > 0.99
    assert (absent.n, absent.ic, absent.verdict) == (0, None, "insufficient")
    assert absent.reason == "0 pairs of signal and return, needs 20"
    assert found["sentiment"].verdict in {"insufficient", "nothing"}
    assert (found["bot:7"].kind, found["bot:7"].bot, found["model"].kind) == ("bot", 7, "vote")
    trend = rows(horizon_s=60, regime="trend")["speed"]
    assert 700 < trend.n < 1300
    assert trend.marginal_ic is None
    day = rows(horizon_s=86_400, regime="")["speed"]
    assert day.verdict == "insufficient"
    before = EvidenceRow.objects.count()
    compute_evidence(now_ns=NOON + MINUTE_NS, days=30)
    assert EvidenceRow.objects.filter(component="bot:7").count() == 0
    assert 0 < EvidenceRow.objects.count() < before


def test_a_symbol_without_samples_and_one_that_fails_stop_nobody(follow, venue, monkeypatch):
    Subscription.objects.create(exchange=venue, symbol="AAA/USDT", follower="bot:2")
    Subscription.objects.create(exchange=venue, symbol="NEW/USDT", follower="bot:2")
    store_samples(symbol="BTC/USDT", minutes=100)
    store_samples(symbol="AAA/USDT", minutes=100)
    from quant.evidence import compute, judging

    whole = judging.weigh

    def fails_once(window, specs):
        monkeypatch.setattr(compute, "weigh", whole)
        raise ZeroDivisionError("something nobody thought of")

    monkeypatch.setattr(compute, "weigh", fails_once)
    assert compute_evidence(now_ns=NOON, days=1) > 0
    assert set(EvidenceRow.objects.values_list("symbol", flat=True)) == {"BTC/USDT"}


def test_weights_of_bots_are_those_the_engine_uses(alice):
    alice.bot.component_weights = {"technical": 0.0, "speed": 1.0}
    alice.bot.evaluation = "tick"
    alice.bot.save()
    (spec,) = blend_specs()
    assert (spec.bot_id, spec.exchange, spec.symbol, spec.forming) == (alice.bot.pk, "simulated", "BTC/USDT", True)
    assert spec.without == ()
    store_samples(symbol="BTC/USDT", minutes=500)
    compute_evidence(now_ns=NOON, days=1, specs=[spec])
    found = rows(horizon_s=60, regime="")
    # A bot that weighs speed alone is worth what speed is worth.
    assert found[spec.name].ic == pytest.approx(found["speed"].ic, abs=1e-12)
    assert found[spec.name].n == found["speed"].n


def test_strategies_that_a_bot_has_switched_off_are_left_out(alice):
    alice.bot.disabled_strategies = ["trend", "momentum", "sentiment"]
    alice.bot.save()
    (spec,) = blend_specs()
    assert spec.without == ("momentum", "trend")
    assert spec.component_weights[Component.SENTIMENT] == 0.0
    assert spec.component_weights[Component.TECHNICAL] > 0.0
    alice.bot.disabled_strategies = list(STRATEGIES)
    alice.bot.save()
    (spec,) = blend_specs()
    assert (spec.without, spec.component_weights[Component.TECHNICAL]) == ((), 0.0)


def test_the_task_runs_and_old_rows_and_samples_go(follow):
    store_samples(symbol="BTC/USDT", minutes=50)
    old = EvidenceRow.objects.create(
        exchange="simulated", symbol="GONE/USDT", kind="component", component="speed", horizon_s=60, n=0,
        window_start_ns=0, window_end_ns=1, computed_at=datetime(2020, 1, 1, tzinfo=UTC), verdict="insufficient",
    )  # fmt: skip
    task()
    assert not EvidenceRow.objects.filter(pk=old.pk).exists()
    assert prune_samples(now_ns=NOON + DAY_NS - 9 * MINUTE_NS, keep_days=1, batch=3) == 40
    assert SignalSample.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_only_one_computes_at_a_time(follow):
    store_samples(symbol="BTC/USDT", minutes=50)
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        assert compute_evidence(now_ns=NOON, days=1) == 0
    finally:
        other.close()
    # The lock goes with its session, whose end the server may notice a moment later.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s), pg_advisory_unlock(%s)", [LOCK, LOCK])
    assert compute_evidence(now_ns=NOON, days=1) > 0


def test_the_schedule_has_its_row(db):
    from django_celery_beat.models import PeriodicTask

    # Tests that empty every table took the row of the migration.
    importlib.import_module("quant.migrations.0002_evidence").make_schedule(apps, None)
    row = PeriodicTask.objects.get(task="quant.compute_evidence")
    assert (row.queue, row.interval.every, row.interval.period, row.enabled) == ("jobs", 3600, "seconds", True)
