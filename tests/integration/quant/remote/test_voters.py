"""Models and policies of other servers: their votes, and their lies."""

import asyncio
import math
import time

import pytest
from asgiref.sync import sync_to_async
from msgspec.structs import replace

from quant.reading import Component
from quant.remote.configured import ask_once, quant_client, remote_voters
from quant.remote.status import publish_health, read_health
from quant.remote.transport import Terms
from quant.remote.voter import RemoteVoter
from tests.integration.quant.remote.servers import never, says, serve
from tests.integration.web.sockets import free_port
from tradingsite.doctor.remote import check_remote_services

QUICK = Terms(timeout_ms=300, attempts=1)


async def vote(url, component=Component.MODEL):
    voter = RemoteVoter(component, url, terms=QUICK)
    try:
        return await voter.vote("BTC/USDT", {"rsi": 0.5, "funding": math.nan, "oi": None}, time.time_ns()), voter.health
    finally:
        await voter.close()


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ({"action": "BUY", "confidence": 0.75}, 0.75),
        ({"action": "sell", "confidence": 0.75}, -0.75),
        ({"action": "HOLD", "confidence": 1}, 0.0),
        ({"action": 0, "confidence": 0.5}, -0.5),
        ({"action": 1, "confidence": 0.5}, 0.0),
        ({"action": 2, "confidence": 0.5, "symbol": "BTCUSDT", "timestamp": time.time()}, 0.5),
        ({"action": "BUY", "confidence": 0.6, "probabilities": {"sell": 0.25, "hold": 0.25, "buy": 0.5}}, 0.25),
        ({"action": "HOLD", "confidence": 0.6, "probabilities": [0.25, 0.5, 0.25]}, 0.0),
        ({"action": "HOLD", "confidence": 0.2, "probabilities": [0.1, 0.2, 0.7]}, 0.0),
    ],
)
async def test_votes_are_readings(answer, value):
    async with serve(says(answer)) as (url, server):
        reading, health = await vote(url)
    assert reading.value == pytest.approx(value)
    assert reading.parts["confidence"] == answer["confidence"]
    assert {"p_sell", "p_hold", "p_buy"} <= set(reading.parts)
    assert (server.paths, health.reason) == (["/predict"], "")
    assert server.asked[0]["features"] == {"rsi": 0.5, "funding": None, "oi": None}
    assert set(server.asked[0]) == {"symbol", "timestamp", "features"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"action": "SHORT", "confidence": 0.5}, "action 'SHORT'"),
        ({"action": 3, "confidence": 0.5}, "action 3"),
        ({"action": True, "confidence": 0.5}, "got `bool`"),
        ({"action": "BUY", "confidence": 1.5}, "confidence is 1.5"),
        ({"action": "BUY", "confidence": -0.1}, "confidence is -0.1"),
        ({"action": "BUY"}, "confidence"),
        ({"confidence": 0.5}, "action"),
        ('{"action":"BUY","confidence":NaN}', "malformed"),
        ({"action": "BUY", "confidence": 0.5, "probabilities": [0.2, 0.2, 0.2]}, "sum of 1"),
        ({"action": "BUY", "confidence": 0.5, "probabilities": [-1, 1, 1]}, "from 0 to 1"),
        ({"action": "BUY", "confidence": 0.5, "probabilities": [0.6, 0.2, 0.2]}, "against"),
        ({"action": "BUY", "confidence": 0.5, "probabilities": [0.4, 0.2, 0.4]}, "against"),
        ({"action": "BUY", "confidence": 0.99, "probabilities": [0.04, 0.9, 0.06]}, "confidence 0.99 in BUY"),
        ({"action": "HOLD", "confidence": 0.9, "probabilities": [0.1, 0.2, 0.7]}, "confidence 0.9 in HOLD"),
        ({"action": "BUY", "confidence": 0.5, "symbol": "ETH/USDT"}, "about 'ETH/USDT'"),
        ({"action": "BUY", "confidence": 0.5, "timestamp": 1}, "more than 300 s"),
    ],
)
async def test_lies_are_no_vote(answer, reason):
    async with serve(says(answer)) as (url, _):
        reading, health = await vote(url)
    assert reading is None
    assert reason in health.reason


async def test_a_slow_one_is_left_out_with_a_reason():
    async with serve(never) as (url, _):
        reading, health = await vote(url, Component.POLICY)
    assert reading is None
    assert (health.service, health.reason) == ("policy", "no answer within 300 ms")


async def test_settings_name_them(settings):
    assert (quant_client(), remote_voters()) == (None, {})
    settings.QUANT_URL = "http://127.0.0.1:9/api/v1/quant"
    settings.RL_SERVICE_URL = "http://127.0.0.1:9"
    client, voters = quant_client(), remote_voters()
    assert client.health.address == "http://127.0.0.1:9/api/v1/quant/signals"
    assert list(voters) == [Component.POLICY]
    await client.close()
    await voters[Component.POLICY].close()


@pytest.mark.servers
def test_other_processes_can_read_how_they_are(redis_flush):
    assert read_health() == []
    voter = RemoteVoter(Component.MODEL, "http://127.0.0.1:9", terms=QUICK)
    publish_health(voter.health)
    assert read_health() == [voter.health]


@pytest.mark.servers
async def test_an_engine_that_asks_tells_others(redis_flush, settings):
    async with serve(says({"action": "BUY", "confidence": 0.5})) as (url, _):
        settings.ML_SERVICE_URL = url
        voter = remote_voters()[Component.MODEL]
        assert await voter.vote("BTC/USDT", {}, time.time_ns()) is not None
        await asyncio.gather(*voter._transport._telling)
        assert await sync_to_async(read_health)() == [voter.health]
        await voter.close()


@pytest.mark.servers
async def test_each_can_be_asked_once_to_see_how_it_is(redis_flush, settings):
    async with serve(says({"action": "BUY", "confidence": 0.5})) as (url, server):
        settings.QUANT_URL = settings.RL_SERVICE_URL = url
        quant, policy = await ask_once(now_ns=time.time_ns())
    assert (quant.service, "signals" in quant.reason) == ("quant", True)
    assert (policy.service, policy.reason) == ("policy", "")
    assert len(server.asked[0]["candles"]) == 60


@pytest.mark.servers
def test_doctor_names_what_does_not_answer(redis_flush, settings):
    settings.QUANT_TIMEOUT_MS, settings.QUANT_RETRY_COUNT = 300, 1
    assert check_remote_services() == []
    settings.QUANT_URL = f"http://127.0.0.1:{free_port()}"
    (finding,) = check_remote_services()
    assert (finding.level, finding.check) == ("warning", "quant server")
    assert "ConnectError" in finding.message
    assert read_health() == []


@pytest.mark.servers
def test_doctor_passes_on_what_an_engine_with_settings_of_its_own_tells(redis_flush, settings):
    voter = RemoteVoter(Component.MODEL, "http://127.0.0.1:9", terms=QUICK)
    publish_health(replace(voter.health, reason="status 500"))
    (finding,) = check_remote_services()
    assert (finding.level, finding.check) == ("warning", "model server")
    assert finding.message.endswith("127.0.0.1:9/predict: status 500")
