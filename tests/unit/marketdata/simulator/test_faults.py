"""Faults: how they are worded, whom they concern, and when they end."""

import re
from pathlib import Path
from typing import cast

import pytest

from marketdata.simulator import hub
from marketdata.simulator.endpoints import REST, SOCKET
from marketdata.simulator.fault_catalog import MEANINGS, Fault, help_text
from marketdata.simulator.fault_words import EVENTS, REQUESTS
from marketdata.simulator.faults import FaultError, Faults, Switch, activate, read_switch
from marketdata.simulator.usdm.endpoints import ENDPOINTS
from marketdata.simulator.usdm.private_endpoints import PRIVATE


def switched(text: str, *, now_s: float = 0.0) -> Faults:
    faults = Faults()
    faults.switch_on(activate(read_switch(text), now_s=now_s))
    return faults


def test_every_fault_is_described_with_settings_that_can_be_given() -> None:
    assert set(MEANINGS) == set(Fault)
    for fault, meaning in MEANINGS.items():
        assert fault.value in help_text()
        given = {name: value for name, value in meaning.settings.items() if value is not None}
        assert activate(Switch(name=fault, **given), now_s=0.0).fault is fault  # type: ignore[arg-type]


def test_a_wish_is_read_from_a_line() -> None:
    wish = read_switch("silent_subscribe:seconds=2.5,executed=false,after=1")
    assert (wish.name, wish.seconds, wish.executed, wish.after) == (Fault.SILENT_SUBSCRIBE, 2.5, False, 1.0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("qqq", "no fault 'qqq'; there are skip_depth"),
        ("freezedata", "no fault 'freezedata'; did you mean freeze_data"),
        ("price", "or spike_price"),
        ("burst:rate=1e9", "burst: rate=1,000,000,000 is out of range; allowed is 0.001 to 200,000"),
        ("burst:channel=depth", "burst takes as channel bookTicker, trade, not 'depth'"),
        ("corrupt_frame:rate=2", "corrupt_frame: rate=2 is out of range; allowed is 0.0001 to 1"),
        ("freeze_data:seconds=-1", "freeze_data: seconds=-1 is out of range; allowed is 0.001 to 86,400"),
        ("freeze_data:seconds=nan", "seconds=nan is out of range"),
        ("freeze_data:seconds=inf", "seconds=inf is out of range"),
        ("freeze_data:after=-5", "after=-5 is out of range"),
        ("skip_depth:count=0", "skip_depth: count=0 is out of range; allowed is 1 to 1,000,000"),
        ("old_snapshot:milliseconds=30000", "allowed is 1 to 20,000"),
        ("huge_frame:bytes=-1", "bytes=-1 is out of range"),
        ("spike_price:factor=0", "factor=0 is out of range"),
        ("refuse_connections:status=200", "status=200 is out of range; allowed is 400 to 599"),
        ("skip_depth:symbol", "'symbol' is not key=value"),
        ("skip_depth:count=many", "Expected `int`"),
        ("skip_depth:colour=red", "skip_depth has no setting colour; it takes: symbol, count, seconds"),
        ("drop_sockets:seconds=1", "drop_sockets has no setting seconds; it takes: none"),
        ("freeze_data:channel=bookticker", "not 'bookticker' (did you mean bookTicker?)"),
        ("corrupt_frame:channel=dpeth", "corrupt_frame takes as channel depth, "),
        ("slow_answer:channel=detph", "not 'detph' (did you mean depth?)"),
        ("garbage:channel=clines", "not 'clines' (did you mean klines?)"),
        ("reject_request:channel=acount", "not 'acount' (did you mean account?)"),
        ("drop_events:channel=executionreport", "(did you mean executionReport?)"),
        ("delay_events:kind=TRADES", "takes as kind NEW, TRADE, "),
        ("corrupt_frame:kind=melt", "takes as kind truncate, flip, html, not 'melt'"),
    ],
)
def test_what_cannot_be_is_named(text: str, complaint: str) -> None:
    with pytest.raises(FaultError, match=re.escape(complaint)):
        read_switch(text)


@pytest.mark.parametrize(
    "text",
    [
        "freeze_data:channel=",
        "freeze_data:channel=kline_1m",
        "corrupt_frame:channel=depth20",
        "garbage:channel=ticker/24hr",
        "slow_answer:channel=order.place",
        "drop_events:channel=executionReport,kind=TRADE",
    ],
)
def test_every_stream_request_and_event_may_be_named(text: str) -> None:
    read_switch(text)


def test_every_request_that_is_answered_has_a_word() -> None:
    futures = {path.split("/", 3)[3] for _, path in PRIVATE}
    answered = {name for _, name in REST} | set(SOCKET) | set(ENDPOINTS) | futures
    assert answered - set(REQUESTS) == set()


def test_every_event_that_is_sent_has_a_word() -> None:
    told = "".join(file.read_text() for file in Path(hub.__file__).parent.rglob("*.py"))
    sent = set(re.findall(r'"e": "(\w+)"', told)) - {"24hrTicker", "24hrMiniTicker", "contractInfo"}
    assert sent - set(EVENTS) == set()


def test_a_clock_may_go_back() -> None:
    assert activate(read_switch("clock_skew:milliseconds=-5000"), now_s=0.0).milliseconds == -5000


@pytest.mark.parametrize("name", ["crossed_quote", "zero_price", "nan_price", "spike_price"])
def test_impossible_prices_last_long_enough_to_be_seen(name: str) -> None:
    faults = switched(name)
    struck = [
        faults.strike(Fault(name), symbol="A", channel="bookTicker", now_s=now_s) is not None
        for now_s in (0.1, 0.2, 4.9, 5.1)
    ]
    assert struck == [True, True, True, False]


def test_a_fault_of_one_symbol_leaves_the_others() -> None:
    faults = switched("freeze_data:symbol=BTC/USDT,seconds=5")
    assert faults.lasting(Fault.FREEZE_DATA, 1.0, symbol="BTCUSDT", channel="depth") is not None
    assert faults.lasting(Fault.FREEZE_DATA, 1.0, symbol="ETHUSDT", channel="depth") is None


def test_it_ends_with_its_time() -> None:
    faults = switched("freeze_data:seconds=5", now_s=100.0)
    assert faults.lasting(Fault.FREEZE_DATA, 104.9, symbol="BTCUSDT") is not None
    assert faults.on_streams
    assert faults.lasting(Fault.FREEZE_DATA, 105.0, symbol="BTCUSDT") is None
    assert not faults.on_streams


def test_it_strikes_each_symbol_so_often() -> None:
    faults = switched("skip_depth:count=2")
    struck = [faults.strike(Fault.SKIP_DEPTH, symbol=symbol, now_s=1.0) is not None for symbol in "AABAB"]
    assert struck == [True, True, True, False, True]


def test_one_symbols_fault_is_off_when_it_struck() -> None:
    faults = switched("skip_depth:symbol=BTCUSDT")
    assert faults.strike(Fault.SKIP_DEPTH, symbol="BTCUSDT", now_s=1.0) is not None
    assert not faults.on_streams
    assert not any(row["on"] for row in faults.listing(1.0))


def test_symbols_have_the_same_fault_beside_each_other_and_are_cleared_together() -> None:
    faults = switched("freeze_data:symbol=BTCUSDT")
    faults.switch_on(activate(read_switch("freeze_data:symbol=ETHUSDT"), now_s=0.0))
    assert faults.lasting(Fault.FREEZE_DATA, 1.0, symbol="BTCUSDT") is not None
    assert faults.lasting(Fault.FREEZE_DATA, 1.0, symbol="ETHUSDT") is not None
    faults.clear(Fault.FREEZE_DATA)
    assert faults.lasting(Fault.FREEZE_DATA, 1.0, symbol="ETHUSDT") is None


def test_the_list_tells_the_settings_that_faults_were_switched_on_with() -> None:
    faults = switched("freeze_data:symbol=BTCUSDT,seconds=7", now_s=100.0)
    rows = {row["name"]: row for row in faults.listing(101.0)}
    (active,) = cast("list[dict[str, object]]", rows["freeze_data"]["active"])
    assert (active["symbol"], active["seconds"]) == ("BTCUSDT", 7.0)
    assert active.keys() == MEANINGS[Fault.FREEZE_DATA].settings.keys()
    assert rows["skip_depth"]["active"] == []
    assert {row["name"]: row for row in faults.listing(108.0)}["freeze_data"]["active"] == []
