"""`manage.py status`: how each feed and slow source is, and why, for people and for programs."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

pytestmark = pytest.mark.django_db


@pytest.fixture
def market(monkeypatch):
    from marketdata.models import Exchange, FeedLease, FeedStatus, SlowSource

    monkeypatch.setenv("COLUMNS", "250")
    now, while_s = timezone.now(), timedelta(minutes=5)
    venue = Exchange.objects.create(code="binance", name="Binance", adapter="binance", environment="simulated")
    FeedLease.objects.create(exchange=venue, holder="vm:1:ab", epoch=3, expires_at=now + while_s)
    rows = (
        ("BTC/USDT", "live", "websocket", "", now, now),
        ("ETH/USDT", "fallback", "rest", "no data for 2.3 s", now, now + while_s),
        ("[bold]X/Y", "unknown_symbol", "websocket", "not listed", None, now + while_s),
        ("SOL/USDT", "live", "websocket", "", now - 4 * while_s, now - 4 * while_s),
    )
    for symbol, state, source, reason, ticked, updated in rows:
        FeedStatus.objects.create(
            exchange=venue, symbol=symbol, state=state, source=source, reason=reason, last_tick_at=ticked,
            updated_at=updated,
        )  # fmt: skip
    SlowSource.objects.all().delete()
    SlowSource.objects.create(
        name="fear", kind="fear-greed", environment="simulated", state="unreachable", reason="no route",
        lease_expires_at=now + while_s,
    )  # fmt: skip
    SlowSource.objects.create(
        name="news", kind="rss", environment="simulated", state="live", last_success_at=now - 4 * while_s
    )


@pytest.mark.usefixtures("market")
def test_programs_get_state_reason_age_and_source(capsys):
    call_command("status", "--json")
    told = json.loads(capsys.readouterr().out)
    feeds = {feed["symbol"]: feed for feed in told["feeds"]}
    eth, gone = feeds["ETH/USDT"], feeds["SOL/USDT"]
    assert (eth["state"], eth["reason"], eth["source"]) == ("fallback", "no data for 2.3 s", "rest")
    assert "by itself" in eth["advice"]
    assert 0 <= eth["tick_age_s"] < 60
    assert (feeds["BTC/USDT"]["state"], feeds["BTC/USDT"]["reason"]) == ("live", "")
    assert feeds["[bold]X/Y"]["tick_age_s"] is None
    # A feed that no longer writes is not live, whatever it wrote last.
    assert gone["state"] == "not_running"
    assert "runfeed" in gone["advice"]
    sources = {source["name"]: source for source in told["sources"]}
    assert (sources["fear"]["state"], sources["fear"]["reason"]) == ("unreachable", "no route")
    assert sources["fear"]["answer_age_s"] is None
    assert sources["news"]["state"] == "not_asked"
    assert 1_200 <= sources["news"]["answer_age_s"] < 1_300


@pytest.mark.usefixtures("market")
def test_people_get_the_same_in_words(capsys):
    call_command("status")
    lines = capsys.readouterr().out.splitlines()

    def line_of(name: str) -> str:
        return next(line for line in lines if name in line)

    assert "REST" not in line_of("BTC/USDT")
    assert "no data for 2.3 s. Nothing to do" in line_of("ETH/USDT")
    assert "no tick yet" in line_of("[bold]X/Y")
    assert "unknown symbol" in line_of("[bold]X/Y")
    assert "not running" in line_of("SOL/USDT")
    assert "20 min" in line_of("SOL/USDT")
    assert "no route" in line_of("fear")
    assert "not asked" in line_of("news")
    assert settings.SIMULATOR_URL in line_of("Simulated exchange")


def test_where_no_simulated_exchange_is_enabled_none_is_told(market, capsys):
    from marketdata.models import Exchange

    call_command("status", "--json")
    assert json.loads(capsys.readouterr().out)["simulator_url"] == settings.SIMULATOR_URL
    Exchange.objects.update(environment="live")
    call_command("status")
    assert "Simulated exchange" not in capsys.readouterr().out
