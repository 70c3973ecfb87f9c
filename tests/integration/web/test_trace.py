"""A decision tells all that led to it and all that came of it, in one statement."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bots.queries.trace import decision_trace

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flush")]
TRACE = {
    "prices": {"bid": 99.5, "ask": 100.5, "last": 100.0, "spread_bps": 100.0, "quote_age_ms": 12.0, "feed": "live",
               "sigma_annual": 0.6, "sigma_percentile": 0.4, "atr_pct": 0.01},
    "blend": {"forecast": 8.5, "minimum_confidence": 0.25, "uses_multiplier": True, "correlation": {
        "names": ["technical 1m", "speed", "open_interest"],
        "matrix": [[1.0, 0.1, 0.25], [0.1, 1.0, 0.0], [0.25, 0.0, 1.0]],
    }},
    "blocks": [{"code": "spread", "text": "the spread is 100.00 bps, over 3 times its median of 1.00"}],
    "left_out": [{"name": "options flow", "reason": "no chain is traded"}],
    "sizing": {"quantity": "2", "binding": "risk_per_trade", "allowed": {"risk_per_trade": "200.00000000"}},
}  # fmt: skip


@pytest.fixture
def model(db):
    from quant.models import ModelVersion

    at = datetime(2026, 1, 1, tzinfo=UTC)
    return ModelVersion(
        name="btc", number=3, exchange="simulated", symbol="BTC/USDT", timeframe="1m", status="shadow", artefact="{}",
        sha256="x", schema_hash="x", span_start_ns=0, span_end_ns=1, bars=1, labels=1, label_params={}, code_revision="x",
        trials=1, metrics={}, created_at=at, status_since=at,
    )  # fmt: skip


def test_one_statement_brings_everything(alice, btc, django_assert_num_queries):
    with django_assert_num_queries(1):
        trace = decision_trace(alice.user, alice.decision.pk)
        assert trace is not None
        assert (trace.decision.bot.name, trace.decision.instrument.exchange.code) == ("alice's bot", "simulated")
        (traced,) = trace.orders
        assert [event.to_state for event in traced.events] == ["sending", "filled"]
        assert traced.events[1].evidence == {"trade": "t1"}
        assert [(fill.price, fill.quantity, fill.fee) for fill in traced.fills] == [(100, 2, Decimal("0.2"))]
        assert (traced.order.intent.purpose, traced.order.status) == ("entry", "filled")
        assert traced.order.bot.name == "alice's bot"


def test_rows_are_those_the_orm_reads(alice):
    """Exact money, times with their zone, the same types."""
    from bots.models import Fill, Order

    trace = decision_trace(alice.user, alice.decision.pk)
    assert trace is not None
    for traced, row in ((trace.orders[0].order, Order.objects.get()), (trace.orders[0].fills[0], Fill.objects.get())):
        for field in row._meta.concrete_fields:
            mine, theirs = getattr(traced, field.attname), getattr(row, field.attname)
            assert mine == theirs, field.name
            assert type(mine) is type(theirs), field.name


def test_what_models_said_before_it_is_there_also_of_one_in_shadow(alice, model):
    from quant.models import ModelPrediction

    model.save()
    at = alice.decision.ts_event
    for minutes, buy in ((3, 0.2), (1, 0.6), (-1, 0.9)):
        ts = at - minutes * 60_000_000_000
        ModelPrediction.objects.create(
            version=model, exchange="simulated", symbol="BTC/USDT", ts_close=ts, ts_written=ts, p_sell=0.1,
            p_hold=0.9 - buy, p_buy=buy, close=100,
        )  # fmt: skip
    trace = decision_trace(alice.user, alice.decision.pk)
    assert trace is not None
    assert [(vote["model"], vote["status"], vote["p_buy"]) for vote in trace.votes] == [("btc 3", "shadow", 0.6)]
    assert [(vote["action"], vote["confidence"]) for vote in trace.votes] == [("BUY", 0.6)]
    model.metrics = {**model.metrics, "theta": 0.55}
    model.save()
    (told,) = alice.api.get(f"/api/v1/decisions/{alice.decision.pk}").data["votes"]
    assert (told["action"], told["confidence"]) == ("HOLD", pytest.approx(0.3))
    page = alice.api.get(f"/decisions/{alice.decision.pk}/").content.decode()
    assert "<td>HOLD</td>" in page
    assert "btc 3" in alice.api.get(f"/decisions/{alice.decision.pk}/").content.decode()


def test_a_decision_of_somebody_else_is_not_there(alice, bob):
    assert decision_trace(bob.user, alice.decision.pk) is None
    assert bob.api.get(f"/decisions/{alice.decision.pk}/").status_code == 404
    assert bob.api.get(f"/api/v1/decisions/{alice.decision.pk}").status_code == 404


def test_rest_has_the_whole_trace(alice):
    alice.decision.trace = TRACE
    alice.decision.save()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = alice.api.get(f"/api/v1/decisions/{alice.decision.pk}").data
    of_decisions = [query["sql"] for query in queries if "bots_decision" in query["sql"]]
    assert len(of_decisions) == 1
    assert not [query["sql"] for query in queries if 'FROM "bots_order' in query["sql"]]
    assert found["trace"] == TRACE
    (order,) = found["orders"]
    assert (order["status"], order["purpose"], order["quantity"]) == ("filled", "entry", "2")
    assert [event["to_state"] for event in order["events"]] == ["sending", "filled"]
    assert order["fills"][0]["fee"] == "0.2"
    assert found["votes"] == []
    assert order.keys() - {"events", "fills"} == alice.api.get("/api/v1/orders").data["results"][0].keys()


def test_the_page_shows_the_whole_trace(alice):
    alice.decision.trace = TRACE
    alice.decision.market = {
        "regime": {"phase": "trend", "direction": 1.0, "volatility": "high", "quality": 1.0, "score": 0.7, "since": None},
        "regimes": {
            "1h": {"phase": "trend", "direction": -1.0, "volatility": "normal", "quality": 1.0},
            "5m": {"phase": "range", "direction": 0.0, "volatility": "low", "quality": 0.5},
        },
        "adapted": True, "stop_multiplier": 1.5, "size": {"multiplier": 0.5, "text": "one-sided flow"},
    }  # fmt: skip
    alice.decision.components[0] |= {"effective": 0.9, "parts": {"trend": 0.62, "momentum": None}}
    alice.decision.save()
    html = alice.api.get(f"/decisions/{alice.decision.pk}/").content.decode()
    for words in (
        "trend ▲, volatility high", "yes, stops \u00d71.50", "\u00d70.50", "one-sided flow", "range, volatility low",
        "The spread is 100.00 bps, over 3 times", "Without a vote: options flow, No chain is traded.",
        "risk per trade", "200.00 USDT", "8.5 of ±20", "+0.62", "90 % of the blend", "technical 1m and open interest, 0.25",
        "2 at 100, fee 0.2", "99.5 / 100.5",
    ):  # fmt: skip
        assert words in html, words
    assert html.index("Regime of 5m") < html.index("Regime of 1h")
    assert "trend ▼, volatility normal, quality 100 %" in html


def test_a_decision_from_before_traces_were_kept_is_shown_all_the_same(alice):
    assert alice.decision.trace == {}
    html = alice.api.get(f"/decisions/{alice.decision.pk}/").content.decode()
    assert "Market and size" not in html
    assert "Technical 1m" in html
