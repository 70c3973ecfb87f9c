"""Our client asks our server: a web process, over real sockets, with a token."""

import time

import httpx
import pytest
from asgiref.sync import async_to_sync
from knox.models import get_token_model

from bots.models import User
from quant.reading import Component
from quant.remote import latest
from quant.remote.client import QuantClient
from quant.remote.question import MAX_BYTES
from quant.remote.transport import Terms
from tests.integration.quant.remote.test_endpoint import live_signals, recent
from tests.integration.web.sockets import web_process
from tests.unit.quant.remote.cast import bars

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers, pytest.mark.slow]


async def ask(address: str, token: str):
    client = QuantClient(address, terms=Terms(timeout_ms=20_000, attempts=1, token=token))
    try:
        return await client.signals("BTC/USDT", bars(recent(200)), time.time_ns()), client.health
    finally:
        await client.close()


def test_one_installation_asks_another(redis_flush):
    _, token = get_token_model().objects.create(user=User.objects.create_user("alice"))
    with web_process() as port:
        site = f"http://127.0.0.1:{port}"
        vector = live_signals()
        latest.publish(vector)
        for address in (f"{site}/api/v1/quant", site):
            said, health = async_to_sync(ask)(address, token)
            assert health.reason == ""
            assert said.values[Component.MICROSTRUCTURE] == vector.reading(Component.MICROSTRUCTURE).value
            assert set(said.values) == {Component.SPEED, Component.MICROSTRUCTURE, Component.VOLATILITY}
            assert -1 <= said.combined <= 1
        said, health = async_to_sync(ask)(site, "wrong")
        assert (said, health.reason) == (None, "status 401")
        # A million candles: refused, with the field and the limit.
        refused = httpx.post(
            f"{site}/signals", content=b" " * (60 * MAX_BYTES), timeout=60,
            headers={"Authorization": f"Token {token}", "Content-Type": "application/json"},
        )  # fmt: skip
        assert refused.status_code == 413
        assert "5000" in refused.json()["errors"]["candles"][0]
