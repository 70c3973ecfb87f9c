"""What is wrong with a question is named, with its index."""

import json

import pytest

from quant.remote.question import MAX_BYTES, MAX_CANDLES, Refused, TooMuch, read_question
from tests.unit.quant.remote.cast import NOW_MS, START_S, question, walk


def refusal(body: bytes) -> Refused:
    with pytest.raises(Refused) as refused:
        read_question(body, now_ms=NOW_MS)
    return refused.value


def test_milliseconds_and_seconds_are_the_same_question():
    candles = walk(60)
    ms = read_question(question(candles), now_ms=0)
    for row in candles:
        row["timestamp"] //= 1000
    s = read_question(question(candles, timestamp=NOW_MS // 1000), now_ms=0)
    assert (ms.in_seconds, s.in_seconds) == (False, True)
    assert ms.moment_ms == s.moment_ms == NOW_MS
    assert (ms.candles.open_ms == s.candles.open_ms).all()
    assert ms.candles.length_ms == 60_000


def test_without_a_timestamp_now_is_meant():
    for fields in ({"timestamp": None}, {}):
        body = json.dumps({"symbol": "BTC/USDT", "candles": walk(3)} | fields).encode()
        assert read_question(body, now_ms=NOW_MS).moment_ms == NOW_MS


def test_the_candle_that_is_open_at_the_moment_is_not_closed():
    candles = walk(5)
    moment = candles[-1]["timestamp"] + 30_000
    assert read_question(question(candles, timestamp=moment), now_ms=0).candles.closed == 4
    assert read_question(question(candles, timestamp=moment + 30_000), now_ms=0).candles.closed == 5


def test_holes_and_zero_volume_are_allowed():
    candles = walk(60)
    candles[7]["volume"] = 0
    del candles[20:29]
    assert read_question(question(candles), now_ms=0).candles.closed == 51


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [0, -1, 1e30, 1e-31, -1e300])
def test_a_price_that_is_none_is_named(name, value):
    candles = walk(60)
    candles[17][name] = value
    assert refusal(question(candles)).field == f"candles[17].{name}"


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume", "timestamp"])
@pytest.mark.parametrize("value", ["1.5", None, True, [], {}, float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_named(name, value):
    candles = walk(60)
    candles[3][name] = value
    refused = refusal(question(candles))
    assert refused.field == f"candles[3].{name}"
    assert str(refused)


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume", "timestamp"])
def test_a_missing_field_is_named(name):
    candles = walk(60)
    del candles[3][name]
    refused = refusal(question(candles))
    assert (refused.field, str(refused)) == (f"candles[3].{name}", "Required.")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"high": 1.0}, "candles[9].high"),
        ({"open": 1.0}, "candles[9].open"),
        ({"close": 1e9}, "candles[9].close"),
        ({"volume": -0.1}, "candles[9].volume"),
        ({"timestamp": 12}, "candles[9].timestamp"),
        ({"timestamp": 10**30}, "candles[9].timestamp"),
        ({"timestamp": START_S}, "candles[9].timestamp"),
        ({"timestamp": START_S * 1000 + 8 * 60_000}, "candles[9].timestamp"),
        ({"timestamp": START_S * 1000 + 3 * 60_000}, "candles[9].timestamp"),
        ({"timestamp": START_S * 1000 + 9 * 60_000 + 1}, "candles[9].timestamp"),
    ],
)
def test_a_candle_that_cannot_be_is_named(changes, field):
    candles = walk(60)
    candles[9] |= changes
    assert refusal(question(candles)).field == field


def test_the_newest_first_is_told_so():
    refused = refusal(question(walk(60)[::-1]))
    assert (refused.field, "oldest first" in str(refused)) == ("candles[1].timestamp", True)


def test_candles_of_the_future_are_refused():
    assert refusal(question(walk(60), timestamp=START_S * 1000)).field == "candles[2].timestamp"


@pytest.mark.parametrize("value", [0, -1, 12, 1e15, 1.7e18, float("nan"), "2026-01-01"])
def test_a_moment_in_another_unit_is_refused(value):
    assert refusal(question(walk(3), timestamp=value)).field == "timestamp"


@pytest.mark.parametrize("symbol", ["", " ", "BTC/USDT" * 9, "BTC\nUSDT", "BTC\x00", "<b>", 7, None])
def test_a_symbol_that_is_none_is_refused(symbol):
    assert refusal(question(walk(3), symbol=symbol)).field == "symbol"


@pytest.mark.parametrize("missing", ["symbol", "candles"])
def test_a_missing_part_is_named(missing):
    body = {"symbol": "BTC/USDT", "candles": [], "timestamp": NOW_MS}
    del body[missing]
    assert refusal(json.dumps(body).encode()).field == missing


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"7", b"{", b"\xff\xfe", b'{"a":' * 50_000, b"[" * 100_000, b"NaN", b"{}{}"]
)
def test_what_is_no_question_is_refused(body):
    assert refusal(body).field in ("non_field_errors", "symbol")


def test_a_body_that_is_too_large_is_not_read():
    with pytest.raises(TooMuch, match=str(MAX_CANDLES)):
        read_question(b" " * (MAX_BYTES + 1), now_ms=NOW_MS)


def test_as_many_as_are_allowed_are_read():
    candles = [{name: round(value, 4) for name, value in row.items()} for row in walk(MAX_CANDLES)]
    moment = candles[-1]["timestamp"] + 60_000
    assert read_question(question(candles, timestamp=moment), now_ms=0).candles.closed == MAX_CANDLES
    with pytest.raises(TooMuch) as refused:
        read_question(question([*candles, candles[0]], timestamp=moment), now_ms=0)
    assert refused.value.field == "candles"


@pytest.mark.filterwarnings("error")
def test_a_moment_beyond_all_numbers_is_refused_without_a_warning():
    candles = walk(3)
    candles[1]["timestamp"] = 1e308
    with pytest.raises(Refused, match="Neither seconds nor milliseconds") as refused:
        read_question(question(candles), now_ms=NOW_MS)
    assert refused.value.field == "candles[1].timestamp"
