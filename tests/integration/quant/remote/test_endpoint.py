"""The quant service over REST: the contract, refusals that name the field, and live feeds from the cache."""

import io
import json
import time
from dataclasses import replace

import pytest
from django.core.cache import cache
from msgspec import structs
from rest_framework.test import APIClient

from bots.api.views.quant import RawJSON, TooManyCandles
from marketdata.events import QuoteTick
from marketdata.models import Exchange
from quant.reading import Component
from quant.remote import latest
from quant.symbol_signals import SymbolSignals
from tests.unit.quant.remote.cast import bars, walk

pytestmark = [pytest.mark.django_db, pytest.mark.servers]

ADDRESSES = ("/api/v1/quant/signals", "/signals")
KEYS = {"speed", "microstructure", "oi", "options", "sentiment", "volatility", "combined"}


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()
    yield
    cache.clear()


def ask(api, candles, address=ADDRESSES[0], symbol="BTC/USDT", **fields):
    body = {"symbol": symbol, "candles": candles, "timestamp": time.time_ns() // 1_000_000} | fields
    return api.post(address, json.dumps(body), content_type="application/json")


def recent(n: int):
    return walk(n, start_s=(int(time.time()) // 60 - n) * 60)


def live_signals(exchange="binance", symbol="BTC/USDT", price=100.0):
    """Signals of an instrument whose book has just been seen for a minute; they do not age within an hour."""
    signals = SymbolSignals(exchange=exchange, symbol=symbol)
    signals.warm_up(bars(recent(200)))
    now_ns = time.time_ns()
    for i in range(200):
        ts = now_ns - (200 - i) * 500_000_000
        price *= 1.0001
        signals.update(
            QuoteTick(
                exchange=exchange, symbol=symbol, bid=price, bid_size=5.0 + i % 3, ask=price * 1.0001, ask_size=2.0,
                ts_event=ts, ts_init=ts, update_id=i + 1,
            )
        )  # fmt: skip
    vector = signals.read(now_ns=now_ns)
    hour_ns = 3_600_000_000_000
    return replace(vector, readings=tuple(structs.replace(one, as_of=one.as_of + hour_ns) for one in vector.readings))


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_answer_is_the_contracts(alice, address):
    answer = ask(alice, recent(500), address)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"signals", "latency_ms", "timestamp"}
    assert set(body["signals"]) == KEYS
    assert all(value is None or -1 <= value <= 1 for value in body["signals"].values())
    assert body["signals"]["combined"] is not None
    assert body["latency_ms"] > 0
    assert abs(body["timestamp"] - time.time() * 1000) < 60_000


def test_times_are_answered_in_the_unit_of_the_question(alice):
    candles = [row | {"timestamp": row["timestamp"] // 1000} for row in recent(60)]
    assert abs(ask(alice, candles, timestamp=time.time()).json()["timestamp"] - time.time()) < 60


def test_what_candles_cannot_give_comes_from_the_live_feeds(alice):
    vector = live_signals()
    assert vector.reading(Component.SPEED).value is not None
    without = ask(alice, recent(100)).json()["signals"]
    latest.publish(vector)
    for spelling in ("BTC/USDT", "btc-usdt", "BTCUSDT"):
        said = ask(alice, recent(100), symbol=spelling).json()["signals"]
        assert said["speed"] == vector.reading(Component.SPEED).value
        assert said["microstructure"] == vector.reading(Component.MICROSTRUCTURE).value
    assert without["microstructure"] is None
    assert ask(alice, recent(100), symbol="BTC/USDT:USDT").json()["signals"]["microstructure"] is None


def test_the_exchange_that_spoke_last_is_heard_unless_one_is_named(alice):
    first, second = live_signals("kraken"), live_signals("binance", price=200.0)
    latest.publish(second, first)
    assert latest.read(None, "BTC/USDT").exchange == "binance"
    assert latest.read("kraken", "BTC/USDT").exchange == "kraken"
    assert latest.read("coinbase", "BTC/USDT") is None
    said = ask(alice, [], exchange="kraken").json()["signals"]
    assert said["microstructure"] == first.reading(Component.MICROSTRUCTURE).value
    assert ask(alice, [], exchange="coinbase").json()["signals"] == dict.fromkeys(KEYS)


def test_an_exchange_that_is_none_is_refused_by_name(alice):
    answer = ask(alice, recent(60), exchange="nowhere")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["exchange"]
    assert "nowhere is no exchange known here: binance," in answer.json()["errors"]["exchange"][0]
    Exchange.objects.create(code="nowhere", name="Nowhere", adapter="binance")
    assert ask(alice, recent(60), exchange="nowhere").status_code == 200


async def test_the_engine_publishes_without_waiting_in_its_loop():
    await latest.apublish(vector := live_signals())
    assert latest.read("binance", "BTC/USDT") == latest.latest_of(vector)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"high": 1e-9}, "candles[7].high"),
        ({"close": -1}, "candles[7].close"),
        ({"volume": "many"}, "candles[7].volume"),
        ({"open": float("nan")}, "candles[7].open"),
        ({"low": float("-inf")}, "candles[7].low"),
        ({"timestamp": 0}, "candles[7].timestamp"),
    ],
)
def test_refusals_are_problem_documents_that_name_the_field(alice, caplog, changes, field):
    candles = recent(60)
    candles[7] |= changes
    answer = ask(alice, candles)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert list(answer.json()["errors"]) == [field]
    assert field in answer.json()["detail"]
    assert not [record for record in caplog.records if record.exc_info]


def test_a_million_candles_are_refused_before_they_are_read(alice):
    class Unread(io.BytesIO):
        def read(self, *_):
            raise AssertionError("the body was read")

    class Asked:
        META = {"CONTENT_LENGTH": "60000000"}

    with pytest.raises(TooManyCandles) as refused:
        RawJSON().parse(Unread(), parser_context={"request": Asked})
    assert refused.value.status_code == 413
    answer = alice.post(ADDRESSES[0], b"[" + b"0," * 1_000_000 + b"0]", content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")
    assert "5000" in answer.json()["errors"]["candles"][0]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b"\xff", b"[" * 200_000, b'{"symbol":"' + b"a" * 500_000 + b'","candles":[]}']
)
def test_any_other_body_is_a_clear_refusal(alice, caplog, body):
    answer = alice.post(ADDRESSES[0], body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["errors"]
    assert not [record for record in caplog.records if record.exc_info]


def test_other_kinds_and_methods_are_refused(alice):
    assert alice.post(ADDRESSES[0], b"a=1", content_type="application/x-www-form-urlencoded").status_code == 415
    for address in ADDRESSES:
        assert alice.get(address).status_code == 405


def test_strangers_are_told_to_sign_in():
    for address in ADDRESSES:
        answer = ask(APIClient(), [], address)
        assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")


def test_who_asks_too_often_is_told_when_to_ask_again(alice, settings):
    settings.QUANT_REQUESTS_PER_MINUTE = 3
    assert [ask(alice, []).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = ask(alice, [])
    assert refused["Content-Type"] == "application/problem+json"
    assert 0 < int(refused["Retry-After"]) <= 60


def test_the_schema_describes_it(alice):
    schema = alice.get("/api/schema/", {"format": "json"}).json()
    operation = schema["paths"]["/api/v1/quant/signals"]["post"]
    assert {"200", "400", "401", "413", "415", "429", "503"} == set(operation["responses"])
    signals = schema["components"]["schemas"]["QuantSignals"]
    assert set(signals["properties"]) == set(signals["required"]) == KEYS
    candle = schema["components"]["schemas"]["CandleInRequest"]
    assert set(candle["required"]) == {"timestamp", "open", "high", "low", "close", "volume"}
    assert "/signals" not in schema["paths"]
