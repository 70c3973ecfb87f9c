"""What becomes of a frame on its way."""

import json
from typing import Any

import pytest

from marketdata.simulator.faults import Faults, activate, read_switch
from marketdata.simulator.tampering import Tampering, split_stream

DEPTH = "btcusdt@depth@100ms"
QUOTE = "btcusdt@bookTicker"
TRADE = "btcusdt@trade"
BOOK_TICKER = '{"u":7,"s":"BTCUSDT","b":"99.5","B":"1","a":"100.5","A":"2"}'
PRINT = '{"e":"trade","s":"BTCUSDT","t":12,"p":"100","q":"1","m":true}'


@pytest.fixture
def faults() -> Faults:
    # Switched on at the present: these faults end with their counts.
    return Faults()


def switch(faults: Faults, text: str) -> Tampering:
    faults.switch_on(activate(read_switch(text), now_s=1e12))
    return Tampering(faults)


def depth(number: int) -> str:
    return json.dumps({"e": "depthUpdate", "U": number, "u": number, "b": [["99", "0"], ["98", "3"]], "a": []})


def sent(tampering: Tampering, stream: str, *texts: str) -> list[str]:
    return [frame for text in texts for frame in tampering.frames(stream, text)]


def numbers(frames: list[str]) -> list[int]:
    return [json.loads(frame)["u"] for frame in frames]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("skip_depth", [2, 3, 4]),
        ("skip_depth:count=2", [3, 4]),
        ("duplicate_depth", [1, 1, 2, 3, 4]),
        ("reorder_depth", [2, 1, 3, 4]),
        ("reorder_depth:count=2", [2, 1, 4, 3]),
        ("freeze_data:channel=depth", []),
        ("freeze_data:channel=trade", [1, 2, 3, 4]),
        ("delist:symbol=BTCUSDT", []),
        ("skip_depth:symbol=ETHUSDT", [1, 2, 3, 4]),
        ("skip_trade", [1, 2, 3, 4]),
    ],
)
def test_depth_frames(faults: Faults, fault: str, expected: list[int]) -> None:
    assert numbers(sent(switch(faults, fault), DEPTH, *map(depth, (1, 2, 3, 4)))) == expected


def test_a_wrong_level_changes_one_size_and_nothing_else(faults: Faults) -> None:
    (frame,) = sent(switch(faults, "wrong_level"), DEPTH, depth(1))
    before, after = json.loads(depth(1)), json.loads(frame)
    assert [float(size) for _, size in after["b"]] == [0, 21]
    assert {**after, "b": []} == {**before, "b": []}


@pytest.mark.parametrize(
    ("fault", "stream", "text", "expected"),
    [
        ("crossed_quote:count=1", QUOTE, BOOK_TICKER, {"b": "100.5", "a": "99.5"}),
        ("zero_price:count=1", QUOTE, BOOK_TICKER, {"b": "0.00000000"}),
        ("nan_price:count=1", QUOTE, BOOK_TICKER, {"b": "NaN"}),
        ("spike_price:count=1,factor=2", QUOTE, BOOK_TICKER, {"b": "199.00000000", "a": "201.00000000"}),
        ("spike_price:count=1,channel=trade", TRADE, PRINT, {"p": "1000.00000000"}),
        ("nan_price:count=1,channel=trade", TRADE, PRINT, {"p": "NaN"}),
        ("wrong_id", QUOTE, BOOK_TICKER, {"u": 7 + 10**12}),
        ("wrong_id:channel=trade", TRADE, PRINT, {"t": 12 + 10**12}),
    ],
)
def test_prices_and_ids(faults: Faults, fault: str, stream: str, text: str, expected: dict[str, Any]) -> None:
    first, second = sent(switch(faults, fault), stream, text, text)
    assert json.loads(first) == json.loads(text) | expected
    assert second == text


@pytest.mark.parametrize(("kind", "is_json"), [("truncate", False), ("html", False)])
def test_a_damaged_frame_is_no_json(faults: Faults, kind: str, is_json: bool) -> None:
    damaged, whole = sent(switch(faults, f"corrupt_frame:kind={kind}"), QUOTE, BOOK_TICKER, BOOK_TICKER)
    with pytest.raises(json.JSONDecodeError):
        json.loads(damaged)
    assert whole == BOOK_TICKER


def test_a_flipped_bit_is_one_bit(faults: Faults) -> None:
    (damaged,) = sent(switch(faults, "corrupt_frame:kind=flip"), QUOTE, BOOK_TICKER)
    differences = [(a, b) for a, b in zip(damaged, BOOK_TICKER, strict=True) if a != b]
    assert [(ord(a) ^ ord(b)).bit_count() for a, b in differences] == [1]


def test_a_rate_damages_a_share(faults: Faults) -> None:
    tampering = switch(faults, "corrupt_frame:rate=0.3,count=100000")
    damaged = sum(frame != PRINT for frame in sent(tampering, TRADE, *[PRINT] * 2000))
    assert 450 < damaged < 750


def test_streams_are_split() -> None:
    assert split_stream("btcusdt@depth@100ms") == ("BTCUSDT", "depth")
    assert split_stream("btcusdt@depth5@100ms") == ("BTCUSDT", "depth5")
    assert split_stream("!ticker@arr") == ("", "arr")
