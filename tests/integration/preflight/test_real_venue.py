"""The venue's part of a pre-flight, over real sockets: the simulated exchange with keys of its own."""

import uuid
from collections.abc import Iterator

import httpx
import pytest
from django.utils import timezone

from bots.credentials.secrets import Secrets
from bots.models import PreflightRun
from bots.operations.set_credentials import set_credentials
from bots.preflight.run import run_preflight
from tests.integration.credentials.cast import SaidVenue
from tests.integration.credentials.conftest import alice, folder  # noqa: F401 fixtures
from tests.integration.preflight.cast import Cast, make_cast
from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator, running_simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with running_simulator("--symbols", "BTC/USDT", "--history-days", "1") as running:
        yield running


@pytest.fixture
def cast(alice, exchange, settings) -> Cast:  # noqa: F811
    settings.SITE_IS_HTTPS, settings.SITE_URL = True, "https://bots.example.org"
    made = make_cast(alice, SaidVenue())
    made.exchange.rest_url, made.exchange.websocket_url = exchange.rest_url, exchange.websocket_url
    made.exchange.save()
    wanted = {"name": f"Alice {uuid.uuid4().hex[:8]}", "balances": {"USDT": "950", "BTC": "1"}}
    row = httpx.post(f"{exchange.rest_url}/sim/accounts", json=wanted, timeout=PATIENCE_S).raise_for_status().json()
    key = Secrets(api_key=row["key"], secret=row["secret"])
    set_credentials(account_id=made.account.pk, secrets=key, actor=alice, now=timezone.now())
    return made


def look(cast: Cast) -> dict[str, tuple[str, str]]:
    run: PreflightRun = run_preflight(bot=cast.fresh(), actor=None, now=timezone.now(), patience_s=0)
    return {row["name"]: (row["level"], row["seen"]) for row in run.results}


def test_a_key_that_trades_and_cannot_withdraw_passes(cast):
    seen = look(cast)
    assert seen["API key"] == ("ok", "may trade, cannot withdraw")
    assert seen["balance"] == ("ok", "950 USDT free; the bot may use 900")
    assert seen["clock"][0] in ("ok", "warning")


def test_a_revoked_key_is_a_venue_that_does_not_tell(cast, exchange):
    with httpx.Client(base_url=exchange.rest_url, timeout=PATIENCE_S) as control:
        control.post("/sim/faults", json={"name": "key_change", "kind": "revoked"}).raise_for_status()
        try:
            seen = look(cast)
        finally:
            control.post("/sim/faults", json={"name": "key_change", "on": False}).raise_for_status()
    assert {seen[name][0] for name in ("API key", "balance")} == {"failed"}
    assert seen["clock"][0] in ("ok", "warning")


def test_a_wrong_secret_is_a_venue_that_does_not_tell(cast, alice):  # noqa: F811
    key = Secrets(api_key="nobody's", secret="wrong")
    set_credentials(account_id=cast.account.pk, secrets=key, actor=alice, now=timezone.now())
    seen = look(cast)
    assert {seen[name][0] for name in ("API key", "balance")} == {"failed"}


def test_a_venue_that_is_not_there_is_told_as_such(cast):
    cast.exchange.rest_url = "http://127.0.0.1:9"
    cast.exchange.save()
    seen = look(cast)
    assert {seen[name][0] for name in ("API key", "clock", "balance")} == {"failed"}
