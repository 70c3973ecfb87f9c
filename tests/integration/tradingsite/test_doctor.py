"""`manage.py doctor`: what it says of venues, keys, clocks and slow sources."""

import json
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.utils import timezone

from tests.integration.marketdata.cast import add_venue, switch_fault
from tests.simulator_fixture import simulator  # noqa: F401 - a fixture
from tradingsite.doctor import Level
from tradingsite.doctor.machine import check_recordings
from tradingsite.doctor.venues import Answer, check_slow_sources, check_venues, clock_finding

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "canary-7f3a"


@pytest.fixture
def venue(simulator):  # noqa: F811
    return add_venue(simulator)


@contextmanager
def small_venue(path: str, answer):
    """A server on loopback that answers one path."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(answer()).encode()
            self.send_response(200 if self.path.startswith(path) else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def by_name(findings) -> dict:
    return {finding.check: finding for finding in findings}


def test_a_venue_that_answers_with_our_time_is_fine(venue):
    found = by_name(check_venues())
    assert {finding.level for finding in found.values()} == {Level.OK}
    assert set(found) == {"exchange simulated", "keys simulated", "clock simulated"}
    assert venue.rest_url in found["exchange simulated"].message


@pytest.mark.usefixtures("venue")
def test_a_venue_whose_clock_is_off_fails(simulator):  # noqa: F811
    switch_fault(simulator, "clock_skew", milliseconds=5_000, seconds=30.0)
    try:
        clock = by_name(check_venues())["clock simulated"]
    finally:
        switch_fault(simulator, "clock_skew", on=False)
    assert clock.level == Level.FAILED
    assert clock.message.startswith("+")
    assert "NTP" in clock.advice


@pytest.mark.parametrize(
    ("offset_ms", "round_trip_ms", "step_ms", "level"),
    [
        (-249, 0, 1, "ok"), (252, 0, 1, "warning"), (-502, 0, 1, "failed"), (600, 300, 1, "warning"),
        (600, 1_000, 1, "ok"), (-499, 0, 1_000, "ok"), (-760, 0, 1_000, "warning"), (1_001, 0, 1_000, "failed"),
    ],
)  # fmt: skip
def test_a_clock_is_judged_by_what_is_certain_of_it(offset_ms, round_trip_ms, step_ms, level):
    answer = Answer(offset_ms=offset_ms, round_trip_ms=round_trip_ms, step_ms=step_ms)
    assert clock_finding("x", answer).level == level


def test_a_clock_told_in_seconds_is_neither_blamed_nor_called_slow():
    """Kraken tells whole seconds, and says so; a time of milliseconds that happens to be on a second is no such."""
    from marketdata.models import Exchange

    with small_venue("/0/public/Time", lambda: {"error": [], "result": {"unixtime": int(time.time())}}) as url:
        Exchange.objects.create(
            code="kraken", name="Kraken", adapter="kraken", environment="live", rest_url=url, websocket_url="ws://x"
        )
        found = by_name(check_venues())
    assert found["clock kraken"].level == Level.OK
    doubt_ms = float(found["clock kraken"].message.split("give or take ")[1].removesuffix(" ms"))
    assert 500 <= doubt_ms < 1_000
    answered_ms = float(found["exchange kraken"].message.split("answers in ")[1].removesuffix(" ms"))
    assert answered_ms < 900
    Exchange.objects.all().delete()
    with small_venue("/api/v3/time", lambda: {"serverTime": (int(time.time()) - 2) * 1_000}) as url:
        Exchange.objects.create(
            code="binance", name="Binance", adapter="binance", environment="live", rest_url=url, websocket_url="ws://x"
        )
        assert by_name(check_venues())["clock binance"].level == Level.FAILED


def test_a_venue_that_cannot_be_reached_fails_and_the_others_do_not(venue):
    from marketdata.models import Exchange

    Exchange.objects.create(
        code="gone", name="Gone", adapter="binance", environment="live", rest_url="http://127.0.0.1:9",
        websocket_url="ws://127.0.0.1:9",
    )  # fmt: skip
    Exchange.objects.create(code="odd", name="Odd", adapter="mtgox", environment="live")
    found = by_name(check_venues())
    assert found["exchange gone"].level == found["exchange odd"].level == Level.FAILED
    assert "127.0.0.1:9" in found["exchange gone"].message
    assert "mtgox" in found["exchange odd"].message
    assert found["exchange simulated"].level == Level.OK
    assert "clock gone" not in found


@pytest.mark.usefixtures("venue")
def test_keys_are_named_and_never_shown(monkeypatch, capsys):
    monkeypatch.setenv("SIMULATED_API_KEY", SECRET)
    monkeypatch.setenv("SIMULATED_API_SECRET", SECRET)
    with pytest.raises(SystemExit):
        call_command("doctor", "--json")
    out = capsys.readouterr().out
    keys = next(finding for finding in json.loads(out) if finding["check"] == "keys simulated")
    assert keys["message"] == "set: SIMULATED_API_KEY, SIMULATED_API_SECRET"
    assert SECRET not in out


def test_a_key_that_the_venue_refuses_fails():
    from marketdata.feed.config import load_config
    from marketdata.models import Exchange
    from tradingsite.doctor.venues import keys_finding

    Exchange.objects.create(code="upstox", name="Upstox", adapter="upstox", environment="live")
    finding = keys_finding(load_config("upstox"), Answer(error="refused", denied="the token has expired"))
    assert finding.level == Level.FAILED
    assert "the token has expired" in finding.message
    assert "UPSTOX_ACCESS_TOKEN" in finding.advice


def test_slow_sources_in_trouble_are_named_and_those_that_nobody_asks():
    from marketdata.models import SlowSource

    SlowSource.objects.all().delete()
    assert check_slow_sources()[0].level == Level.OK
    SlowSource.objects.create(name="fear", kind="fear-greed", environment="simulated")
    now = timezone.now()
    SlowSource.objects.create(
        name="news", kind="rss", environment="simulated", state="unreachable", reason="no route",
        lease_expires_at=now + timedelta(minutes=1),
    )  # fmt: skip
    trouble, idle = check_slow_sources()
    assert (trouble.check, trouble.level, trouble.message) == ("source news", Level.WARNING, "unreachable: no route")
    assert (idle.level, idle.message) == (Level.WARNING, "not asked: fear (never answered)")
    # What it was when somebody asked it says nothing of now.
    SlowSource.objects.filter(name="news").update(
        lease_expires_at=now - timedelta(minutes=1), last_success_at=now - timedelta(hours=3)
    )
    (idle,) = check_slow_sources()
    assert idle.message == "not asked: fear (never answered), news (last answer 3 h ago)"
    assert "runfeed" in idle.advice


def test_no_exchange_is_worth_a_warning():
    assert check_venues()[0].level == Level.WARNING


def test_the_folder_of_recordings(settings, tmp_path):
    assert check_recordings().level == Level.OK
    settings.RECORD_DIR = str(tmp_path / "not yet" / "there")
    assert "free at" in check_recordings().message
    (tmp_path / "file").write_text("")
    settings.RECORD_DIR = str(tmp_path / "file")
    assert check_recordings().level == Level.FAILED


@pytest.fixture(autouse=True)
def close_connections():
    from asgiref.sync import sync_to_async
    from django.db import connections

    yield
    async_to_sync(sync_to_async(connections.close_all))()
