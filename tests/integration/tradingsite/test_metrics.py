"""`/metrics` of the site: who may read it, and what it tells."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.django_db

TOKEN = "a-token-of-sufficient-length"
ABROAD = "203.0.113.7"


def values(text: str) -> dict:
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def token(settings):
    settings.METRICS_TOKEN = TOKEN


def status(client: Client, **headers: str) -> int:
    return client.get("/metrics", headers=headers).status_code


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_may_read(address):
    assert status(Client(REMOTE_ADDR=address)) == 200


@pytest.mark.parametrize("address", [ABROAD, "10.0.0.1", "::ffff:203.0.113.7", "", "localhost"])
def test_others_may_not(address):
    answer = Client(REMOTE_ADDR=address).get("/metrics")
    assert answer.status_code == 403
    assert b"METRICS_TOKEN" in answer.content
    assert b"feed_" not in answer.content


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Proto", "Via"])
def test_a_proxy_on_this_machine_is_not_this_machine(header):
    assert status(Client(REMOTE_ADDR="127.0.0.1"), **{header: "127.0.0.1"}) == 403


@pytest.mark.usefixtures("token")
def test_the_token_opens_from_everywhere_and_nothing_like_it_does():
    abroad = Client(REMOTE_ADDR=ABROAD)
    assert status(abroad, Authorization=f"Bearer {TOKEN}") == 200
    for wrong in (f"Bearer {TOKEN}x", "Bearer ", "Bearer", TOKEN, f"Basic {TOKEN}", "Bearer \u00e9"):
        assert status(abroad, Authorization=wrong) == 403


def test_without_a_token_in_the_settings_none_is_right():
    for given in ("Bearer ", "Bearer None", f"Bearer {TOKEN}"):
        assert status(Client(REMOTE_ADDR=ABROAD), Authorization=given) == 403


def test_being_signed_in_is_no_permission(admin_user):
    client = Client(REMOTE_ADDR=ABROAD)
    client.force_login(admin_user)
    assert status(client) == 403


def test_nothing_is_changed_by_it():
    assert Client().post("/metrics").status_code == 405


@pytest.fixture
def market(db):
    from marketdata.models import Exchange, FeedLease, FeedStatus, SlowSource

    now = timezone.now()
    venue = Exchange.objects.create(code="binance", name="Binance", adapter="binance", environment="simulated")
    gone = timedelta(minutes=5)
    common = {"exchange": venue, "last_price": 1.0, "messages": 100, "gaps": 2, "reconnects": 1, "rejected": 3}
    FeedStatus.objects.create(
        symbol="BTC/USDT", state="live", last_tick_at=now, updated_at=now, lag_p50_ms=10, lag_p95_ms=20, **common
    )
    FeedStatus.objects.create(symbol="ETH/USDT", state="live", last_tick_at=now - gone, updated_at=now - gone, **common)
    FeedStatus.objects.create(exchange=venue, symbol="<typed>", state="unknown_symbol", updated_at=now)
    FeedLease.objects.create(exchange=venue, holder="vm:1:ab", epoch=3, expires_at=now + gone)
    SlowSource.objects.update(enabled=False)
    SlowSource.objects.create(
        name="fear", kind="fear-greed", state="live", environment="simulated", lease_expires_at=now + gone
    )
    SlowSource.objects.create(
        name="news", kind="rss", state="live", environment="simulated", lease_expires_at=now - gone,
        last_success_at=now - gone,
    )  # fmt: skip
    return venue


@pytest.mark.usefixtures("market", "redis_flush")
def test_feeds_are_told_from_what_their_processes_wrote(client):
    seen = values(client.get("/metrics").content.decode())
    btc = ("binance", "BTC/USDT")
    assert seen["feed_state", "binance", "live", "BTC/USDT"] == 1
    assert seen["feed_state", "binance", "not_running", "ETH/USDT"] == 1
    assert 0 <= seen["feed_last_tick_age_seconds", *btc] < 60
    assert seen["feed_lag_seconds", "binance", "0.95", "BTC/USDT"] == pytest.approx(0.02)
    assert [seen[f"feed_{name}_total", *btc] for name in ("messages", "gap", "reconnects", "rejected")] == [
        100,
        2,
        1,
        3,
    ]
    assert (seen["feed_leader", "binance"], seen["feed_unknown_symbols", "binance"]) == (1, 1)
    assert seen["slow_source_state", "fear", "live"] == 1
    assert seen["slow_source_state", "news", "not_asked"] == 1
    assert 300 <= seen["slow_source_last_answer_age_seconds", "news"] < 360
    assert ("slow_source_state", "news", "live") not in seen
    assert ("slow_source_last_answer_age_seconds", "fear") not in seen
    assert not [labels for labels in seen if "<typed>" in labels]


def test_bots_orders_positions_and_the_kill_switch_are_counted(client):
    from bots.models import Installation
    from tests.integration.web.cast import furnish, make_instrument

    seen = values(client.get("/metrics").content.decode())
    assert (seen["orders_total", "filled"], seen["kill_switch_active",], seen["positions_open",]) == (0, 0, 0)
    from marketdata.models import Exchange

    venue = Exchange.objects.create(code="simulated", name="Simulated", adapter="binance", environment="simulated")
    alice = furnish("alice", venue, make_instrument(venue, "BTC"))
    alice.bot.state = "running"
    alice.bot.save()
    # Tests before this one may have emptied the table.
    Installation.objects.update_or_create(pk=1, defaults={"ladder": "flatten", "ladder_reason": "drill"})
    text = client.get("/metrics").content.decode()
    seen = values(text)
    assert seen["orders_total", "filled"] >= 1
    assert (seen["kill_switch_active",], seen["kill_switch_ladder", "flatten"]) == (1, 1)
    assert seen["positions_open",] == 1
    assert (seen["bots", "running"], seen["bots", "error"]) == (1, 0)
    assert seen["bot_exposure", str(alice.bot.pk)] == float(alice.position.cost)
    assert ("bot_equity", str(alice.bot.pk)) in seen
    # Nobody's names, and no figure twice.
    assert "alice" not in text


@pytest.mark.usefixtures("market")
def test_redis_that_is_away_takes_only_its_part_with_it(client, settings):
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    seen = values(client.get("/metrics").content.decode())
    assert seen["feed_messages_total", "binance", "BTC/USDT"] == 100
