"""Answers in the shape that Binance documents."""

from datetime import UTC, datetime
from typing import Any

import pytest

from marketdata.events import Funding, LongShort, OpenInterest, Premium
from marketdata.sources.answers import MalformedAnswer
from marketdata.sources.binance_futures import messages
from marketdata.sources.binance_futures.messages import Perpetual

BTC = Perpetual(asset="BTC", symbol="BTCUSDT", units=1)
SHIB = Perpetual(asset="SHIB", symbol="1000SHIBUSDT", units=1_000)
AT: dict[str, Any] = {"source": "here", "ts_init": 7}
WHO: dict[str, Any] = {"exchange": "here", "symbol": "BTC", "ts_init": 7}


def ns(year: int, month: int, day: int, *time: int) -> int:
    hour, minute, second = (*time, 0, 0, 0)[:3]
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * 1_000_000_000


def test_premiums_of_perpetuals_and_of_dated_futures():
    body = b"""[
        {"symbol":"BTCUSDT","markPrice":"11793.63104562","indexPrice":"11781.80495970",
         "estimatedSettlePrice":"11781.16138815","lastFundingRate":"0.00038246","interestRate":"0.00010000",
         "nextFundingTime":1597392000000,"time":1597370495002},
        {"symbol":"BTCUSDT_260925","markPrice":"12077.01343750","indexPrice":"11781.80495970",
         "estimatedSettlePrice":"11781.16138815","lastFundingRate":"","interestRate":"","nextFundingTime":0,
         "time":1597370495002},
        {"symbol":"1000SHIBUSDT","markPrice":"0.02","indexPrice":"0.021","lastFundingRate":"0","time":1597370495002}]"""
    rows = messages.read_premiums(body)
    assert messages.perpetuals(["BTC", "NONE", "SHIB"], rows) == [BTC, SHIB]
    assert messages.premium(rows["BTCUSDT"], BTC, **AT) == Premium(
        **WHO, mark=11793.63104562, index=11781.8049597, ts_event=1597370495002000000
    )
    shib = messages.premium(rows["1000SHIBUSDT"], SHIB, **AT)
    assert (shib.mark, shib.index) == pytest.approx((0.00002, 0.000021))


@pytest.mark.parametrize("price", ["NaN", "inf", "0", "-1", "1e999"])
def test_a_price_that_is_none_is_refused(price):
    body = b'[{"symbol":"BTCUSDT","markPrice":"%s","indexPrice":"1","time":1597370495002}]' % price.encode()
    with pytest.raises(MalformedAnswer, match="markPrice"):
        messages.premium(messages.read_premiums(body)["BTCUSDT"], BTC, **AT)


def test_open_interest_is_in_contracts():
    body = b'{"openInterest":"10659.509","symbol":"BTCUSDT","time":1589437530011}'
    assert messages.open_interest(body, BTC, **AT) == OpenInterest(
        **WHO, contracts=10659.509, ts_event=1589437530011000000
    )
    history = b"""[{"symbol":"BTCUSDT","sumOpenInterest":"20403.63700000",
        "sumOpenInterestValue":"150570784.07809979","CMCCirculatingSupply":"165900.538787","timestamp":"1583127900000"}]"""
    assert messages.open_interest_history(history, BTC, **AT) == [
        OpenInterest(**WHO, contracts=20403.637, ts_event=1583127900000000000)
    ]


def test_ratios():
    body = b"""[{"symbol":"BTCUSDT","longShortRatio":"0.1960","longAccount":"0.6622","shortAccount":"0.3378",
        "timestamp":"1583139600000"}]"""
    assert messages.long_short(body, BTC, scope="top_positions", **AT) == [
        LongShort(**WHO, scope="top_positions", ratio=0.196, ts_event=1583139600000000000)
    ]
    taker = b'[{"buySellRatio":"1.5586","buyVol":"387.3300","sellVol":"248.5030","timestamp":"1585614900000"}]'
    assert messages.taker(taker, BTC, **AT) == [
        LongShort(**WHO, scope="taker", ratio=1.5586, ts_event=1585614900000000000)
    ]


def test_the_future_of_the_quarter():
    body = b"""[{"indexPrice":"34400.15945055","contractType":"CURRENT_QUARTER","basisRate":"0.0004",
        "futuresPrice":"34414.10","annualizedBasisRate":"","basis":"13.94","pair":"BTCUSDT","timestamp":1698742800000}]"""
    (event,) = messages.quarter_premiums(body, BTC, **AT)
    assert (event.mark, event.index, event.expiry) == (34414.10, 34400.15945055, ns(2023, 12, 29, 8))


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ((2024, 1, 1), (2024, 3, 29, 8)),
        ((2024, 3, 29, 7, 59, 59), (2024, 3, 29, 8)),
        ((2024, 3, 29, 8), (2024, 6, 28, 8)),
        ((2024, 12, 27, 8), (2025, 3, 28, 8)),
        ((2024, 12, 31), (2025, 3, 28, 8)),
        ((2025, 7, 4), (2025, 9, 26, 8)),
    ],
)
def test_quarters_end_on_their_last_friday(at, end):
    assert messages.quarter_end_ns(ns(*at)) == ns(*end)


def test_funding_intervals_are_those_between_the_settlements():
    hour_ms = 3_600_000
    start_ms = 1_720_000_000_000
    times = [start_ms, start_ms + 8 * hour_ms + 3, start_ms + 12 * hour_ms, start_ms + 40 * hour_ms]
    rows = ",".join(
        f'{{"symbol":"BTCUSDT","fundingRate":"-0.0{n}","fundingTime":{at},"markPrice":""}}'
        for n, at in enumerate(times, 1)
    )
    events = messages.fundings(
        f"[{rows}]".encode(), BTC, intervals_h={"BTCUSDT": 2.0}, before_ns=(start_ms - hour_ms) * 1_000_000, **AT
    )
    # A missed settlement tells nothing, so today's interval stands in.
    assert [event.interval_h for event in events] == [1.0, 8.0, 4.0, 2.0]
    assert events[0] == Funding(**WHO, rate=-0.01, interval_h=1.0, ts_event=start_ms * 1_000_000)
    unknown = messages.fundings(f"[{rows}]".encode(), BTC, intervals_h={}, before_ns=0, **AT)
    assert unknown[0].interval_h == 8.0


def test_intervals_of_adjusted_symbols():
    body = b"""[{"symbol":"BLZUSDT","adjustedFundingRateCap":"0.02500000","adjustedFundingRateFloor":"-0.02500000",
        "fundingIntervalHours":4,"disclaimer":false}]"""
    assert messages.funding_intervals(body) == {"BLZUSDT": 4.0}


def test_settlements_out_of_order_are_refused():
    body = b"""[{"fundingRate":"0.1","fundingTime":1720000000000},{"fundingRate":"0.1","fundingTime":1720000000000}]"""
    with pytest.raises(MalformedAnswer, match="order"):
        messages.fundings(body, BTC, intervals_h={}, before_ns=0, **AT)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b"null", b"[1]", b'[{"timestamp":1}]', b"\xff\xfe", b"[" * 5_000]
)
def test_anything_else_is_a_malformed_answer(body):
    with pytest.raises(MalformedAnswer):
        messages.open_interest_history(body, BTC, **AT)
