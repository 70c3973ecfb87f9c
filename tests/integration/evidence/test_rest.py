"""Evidence over REST: what it shows, what it refuses, and who may ask for it anew."""

from datetime import UTC, datetime

import pytest
from celery import current_app
from kombu.exceptions import OperationalError

from quant.models import EvidenceRow

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flush")]
WHERE = "/api/v1/evidence"


def weighed(component: str = "speed", **fields) -> EvidenceRow:
    values = {
        "exchange": "simulated", "symbol": "BTC/USDT", "kind": "component", "component": component, "horizon_s": 3600,
        "n": 500, "n_eff": 420.5, "needed": 4444.4, "ic": 0.03, "ic_low": -0.01, "ic_high": 0.07, "t_hac": 1.2,
        "window_start_ns": 0, "window_end_ns": 60_000_000_000, "computed_at": datetime(2026, 3, 2, tzinfo=UTC),
        "verdict": "insufficient",
    }  # fmt: skip
    return EvidenceRow.objects.create(**(values | fields))


def components(api, **query) -> list[str]:
    answer = api.get(WHERE, query)
    assert answer.status_code == 200, answer.data
    return [row["component"] for row in answer.data["results"]]


def test_a_row_has_every_figure(alice):
    weighed()
    (row,) = alice.api.get(WHERE, {"symbol": "BTC/USDT", "component": "speed", "horizon": "1h"}).data["results"]
    assert (row["ic"], row["ic_low"], row["n_eff"], row["needed"]) == (0.03, -0.01, 420.5, 4444.4)
    assert (row["verdict"], row["half_life_s"], row["regime"]) == ("insufficient", None, "")
    assert row["window_end"] == "1970-01-01T00:01:00Z"


def test_filters(alice):
    weighed()
    weighed("speed", horizon_s=60, regime="trend")
    weighed("sentiment", symbol="ETH/USDT", verdict="supports")
    assert components(alice.api, horizon="3600", regime="all") == ["speed", "sentiment"]
    assert components(alice.api, regime="trend") == ["speed"]
    assert components(alice.api, symbol="ETH/USDT", verdict="supports") == ["sentiment"]
    assert components(alice.api, component="technical 1m") == []


@pytest.mark.parametrize("query", [{"horizon": "2h"}, {"regime": "sideways"}, {"verdict": "maybe"}, {"limit": "0"}])
def test_what_is_not_allowed_is_named(alice, query):
    answer = alice.api.get(WHERE, query)
    assert answer.status_code == 400
    assert list(answer.data["errors"]) == list(query)


def test_blends_of_other_peoples_bots_are_not_shown(alice, bob, nobody):
    weighed(f"bot:{alice.bot.pk}", kind="bot", bot=alice.bot.pk)
    weighed(f"bot:{bob.bot.pk}", kind="bot", bot=bob.bot.pk)
    weighed()
    assert components(alice.api) == [f"bot:{alice.bot.pk}", "speed"]
    assert nobody.get(WHERE).status_code == 401


def test_only_staff_may_ask_for_it_anew_and_once_a_minute(alice, monkeypatch):
    sent = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **options: sent.append((name, options["queue"])))
    assert alice.api.post(f"{WHERE}/recompute").status_code == 403
    alice.user.is_staff = True
    alice.user.save()
    first, second = (alice.api.post(f"{WHERE}/recompute") for _ in range(2))
    assert (first.status_code, first.data, second.data) == (202, {"asked": True}, {"asked": False})
    assert sent == [("quant.compute_evidence", "jobs")]


def test_without_a_broker_it_says_so_and_may_be_asked_again(alice, monkeypatch):
    def away(name, **options):
        raise OperationalError("Error 111 connecting")

    monkeypatch.setattr(current_app, "send_task", away)
    alice.user.is_staff = True
    alice.user.save()
    for _ in range(2):
        answer = alice.api.post(f"{WHERE}/recompute")
        assert answer.status_code == 503
        assert "Redis does not answer" in answer.data["detail"]
