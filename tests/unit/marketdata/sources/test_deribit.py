"""Answers in the shape that Deribit documents, and what is made of chains and prints."""

import json
import math
from datetime import UTC, datetime

import pytest

from marketdata.events import VolatilityIndex
from marketdata.sources.answers import MalformedAnswer
from marketdata.sources.black76 import delta
from marketdata.sources.deribit import messages
from marketdata.sources.deribit.chain import DAY_NS, Option, Quote, at_maturity, smiles_of, summarise
from marketdata.sources.deribit.flow import MINUTE_NS, flows
from marketdata.sources.deribit.messages import Print
from marketdata.sources.polling import NothingToDo

NOW_NS = int(datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp()) * 1_000_000_000
STRIKES = [60 + 5 * step for step in range(17)]


def smile_at(distance: float) -> float:
    return 0.6 - 0.2 * distance + 0.5 * distance * distance


def chain(expiries_days, level=smile_at, strikes=STRIKES, forward=100.0):
    return [
        Quote(
            option=Option(expiry_ns=NOW_NS + int(days * DAY_NS), strike=float(strike), is_call=is_call),
            forward=forward,
            volatility=level(math.log(strike / forward)),
            volume=2.0 if is_call else 1.0,
            open_interest=10.0 if is_call else 30.0,
        )
        for days in expiries_days
        for strike in strikes
        for is_call in (True, False)
    ]


def summary(quotes):
    return summarise(quotes, asset="BTC", index_price=99.0, source="here", ts_event=NOW_NS, ts_init=1)


def test_a_flat_smile_has_one_volatility_and_no_skew():
    found = summary(chain([2, 16, 44, 100], level=lambda _: 0.5))
    assert found.iv_atm_30d == pytest.approx(0.5)
    assert found.iv_7d == pytest.approx(0.5)
    assert found.iv_90d == pytest.approx(0.5)
    assert found.risk_reversal_25d == pytest.approx(0.0, abs=1e-12)
    assert (found.call_volume, found.put_volume) == (4 * 17 * 2.0, 4 * 17 * 1.0)
    assert (found.call_open_interest, found.put_open_interest) == (4 * 17 * 10.0, 4 * 17 * 30.0)
    assert (found.strikes, found.index_price) == (34, 99.0)


def test_skew_is_the_difference_of_the_wings():
    found = summary(chain([20, 40], strikes=[50 + step for step in range(120)]))
    # Solved independently: the strike whose delta is 25 % at its own volatility.
    wings = []
    for days in (20, 40):
        years, ends = days / 365, []
        for target in (0.25, 0.75):
            low, high = 20.0, 400.0
            for _ in range(200):
                middle = (low + high) / 2
                at = delta(
                    forward=100.0,
                    strike=middle,
                    years=years,
                    volatility=smile_at(math.log(middle / 100)),
                    is_call=True,
                )
                low, high = (middle, high) if at > target else (low, middle)
            ends.append(smile_at(math.log(low / 100)))
        wings.append((ends[0] ** 2 * years, ends[1] ** 2 * years))
    call, put = (math.sqrt((near + far) / 2 / (30 / 365)) for near, far in zip(*wings, strict=True))
    assert found.risk_reversal_25d == pytest.approx(call - put, abs=5e-5)
    assert found.risk_reversal_25d < 0
    assert found.iv_atm_30d == pytest.approx(0.6, abs=1e-4)


def test_maturities_are_linear_in_total_variance():
    near = chain([10], level=lambda _: 0.4)
    far = chain([50], level=lambda _: 0.8)
    found = summary(near + far)
    variance = (0.4**2 * 10 + (0.8**2 * 50 - 0.4**2 * 10) * 0.5) / 30
    assert found.iv_atm_30d == pytest.approx(math.sqrt(variance))
    assert (found.iv_7d, found.iv_90d) == (None, None)


def test_the_quote_out_of_the_money_tells_the_volatility():
    quotes = chain([20, 40], level=lambda _: 0.5)
    spoiled = [
        quote
        if quote.option.is_call == (quote.option.strike >= quote.forward)
        else Quote(option=quote.option, forward=100.0, volatility=3.0, volume=0.0, open_interest=0.0)
        for quote in quotes
    ]
    assert summary(spoiled).iv_atm_30d == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("quotes", "reason"),
    [
        (chain([20, 40], strikes=[90, 95, 100, 105]), "BTC: 8 strikes around 30 days"),
        (chain([2, 9, 20]), "0 strikes around 30 days"),
        (chain([20, 40], strikes=[98, 99, 100, 101, 102]), "no options of 25 delta"),
        (chain([20, 40], strikes=[110, 115, 120, 125, 130, 135]), "0 strikes around 30 days"),
        (chain([20, 40], level=lambda _: 0.0), "0 strikes around 30 days"),
        ([], "0 strikes around 30 days"),
    ],
)
def test_a_thin_chain_tells_nothing(quotes, reason):
    with pytest.raises(NothingToDo, match=reason):
        summary(quotes)


def test_an_expiry_in_its_last_hours_is_left_out():
    smiles = smiles_of(chain([0.1, 20, 40]), now_ns=NOW_NS)
    assert [round(smile.years * 365) for smile in smiles] == [20, 40]
    assert at_maturity(smiles, 7, lambda smile: smile.at_the_money) is None


@pytest.mark.parametrize(
    ("name", "expiry", "strike", "is_call"),
    [
        ("BTC-27JUN25-60000-C", (2025, 6, 27), 60000.0, True),
        ("ETH-5JAN26-3200-P", (2026, 1, 5), 3200.0, False),
        ("XRP_USDC-30JUN25-0d625-C", (2025, 6, 30), 0.625, True),
    ],
)
def test_names_of_options(name, expiry, strike, is_call):
    at_ns = int(datetime(expiry[0], expiry[1], expiry[2], 8, tzinfo=UTC).timestamp()) * 1_000_000_000
    assert messages.read_option(name) == Option(expiry_ns=at_ns, strike=strike, is_call=is_call)


@pytest.mark.parametrize(
    "name", ["BTC-PERPETUAL", "BTC-27JUN25", "BTC-27JUN25-60000-X", "BTC-31FEB25-1-C", "BTC-27XXX25-1-C",
             "BTC-27JUN25-nan-C", "BTC-27JUN25-0-C", "BTC--1-C", ""]
)  # fmt: skip
def test_other_names_are_refused(name):
    with pytest.raises(MalformedAnswer):
        messages.read_option(name)


def test_a_book_summary():
    body = b"""{"jsonrpc":"2.0","id":3659,"result":[{"volume_usd":0,"volume":1.5,"underlying_price":62999.1,
        "underlying_index":"BTC-27JUN25","quote_currency":"BTC","price_change":-4.6,"open_interest":274.2,
        "mid_price":null,"mark_price":0.04,"mark_iv":55.25,"low":null,"last":0.03,
        "instrument_name":"BTC-27JUN25-60000-C","interest_rate":0,"high":null,"estimated_delivery_price":62950.5,
        "creation_timestamp":1743170000123,"bid_price":null,"base_currency":"BTC","ask_price":null},
        {"volume":0.0,"underlying_price":62999.1,"open_interest":0.0,"mark_iv":null,
        "instrument_name":"BTC-27JUN25-60000-P","creation_timestamp":1743170000100}]}"""
    answer = messages.read_chain(body)
    assert (answer.ts_event, answer.index_price) == (1743170000123000000, 62950.5)
    call, put = answer.quotes
    assert (call.forward, call.volume, call.open_interest) == (62999.1, 1.5, 274.2)
    assert call.volatility == pytest.approx(0.5525)
    assert put.volatility == 0.0


@pytest.mark.parametrize(("values", "unit"), [((0.21, 0.55, 2.9), 1.0), ((21.0, 55.0, 180.0), 100.0)])
def test_the_index_is_a_fraction_whatever_the_venue_sends(values, unit):
    begin_ms = NOW_NS // 1_000_000
    data = [[begin_ms + 60_000 * n, 1.0, 1.0, 1.0, value] for n, value in enumerate(values)]
    events = messages.volatility_index(
        json.dumps({"result": {"data": data, "continuation": None}}).encode(),
        asset="BTC",
        resolution_s=60,
        now_ns=NOW_NS + 2 * MINUTE_NS,
        source="here",
        ts_init=1,
    )
    # The third candle is not closed yet.
    assert events == [
        VolatilityIndex(exchange="here", symbol="BTC", value=value / unit, ts_event=NOW_NS + n * MINUTE_NS, ts_init=1)
        for n, value in enumerate(values[:2], 1)
    ]


@pytest.mark.parametrize("value", [0.0, -5.0, 5_000.0])
def test_an_index_that_is_neither_is_refused(value):
    body = json.dumps({"result": {"data": [[NOW_NS // 1_000_000, 1, 1, 1, value]]}}).encode()
    with pytest.raises(MalformedAnswer):
        messages.volatility_index(body, asset="BTC", resolution_s=60, now_ns=2 * NOW_NS, source="x", ts_init=1)


def trade(**fields):
    base = {
        "trade_seq": 1, "trade_id": "1", "timestamp": NOW_NS // 1_000_000 + 1_000, "price": 0.05,
        "instrument_name": "BTC-27MAR26-100-C", "iv": 50.0, "index_price": 100.0, "direction": "buy",
        "amount": 2.0, "contracts": 2.0, "mark_price": 0.05, "tick_direction": 1,
    }  # fmt: skip
    return base | fields


def read(trades):
    prints, _ = messages.read_prints(json.dumps({"result": {"trades": trades, "has_more": False}}).encode())
    return prints


def test_flow_is_what_takers_bought_and_sold():
    prints = read(
        [
            trade(),
            trade(trade_id="2", direction="sell", instrument_name="BTC-27MAR26-90-P", amount=3.0),
            trade(trade_id="3", block_trade_id="BLOCK-1"),
            trade(trade_id="4", combo_id="BTC-CS-1", combo_trade_id=5),
            trade(trade_id="5", timestamp=NOW_NS // 1_000_000 + 61_000, direction="sell"),
        ]
    )
    first, second, third = flows(
        prints, asset="BTC", begin_ns=NOW_NS, end_ns=NOW_NS + 3 * MINUTE_NS, source="here", ts_init=1
    )
    years = (prints[0].option.expiry_ns - prints[0].ts_event) / (365 * DAY_NS)
    call = delta(forward=100, strike=100, years=years, volatility=0.5, is_call=True)
    put = delta(forward=100, strike=90, years=years, volatility=0.5, is_call=False)
    # Who sells puts wants what who buys calls wants.
    assert first.net_delta == pytest.approx(2 * call - 3 * put)
    assert first.net_delta > 2 * call
    assert first.gross_delta == pytest.approx(2 * call + 3 * -put)
    assert (first.trades, first.ts_event) == (2, NOW_NS + MINUTE_NS)
    assert second.net_delta < 0
    assert (third.net_delta, third.gross_delta, third.trades) == (0.0, 0.0, 0)


def test_options_that_ended_have_no_delta():
    item = Print(
        option=Option(expiry_ns=NOW_NS, strike=1.0, is_call=True), direction=1, amount=1.0, index_price=1.0,
        volatility=0.5, ts_event=NOW_NS + 1, trade_id="1", is_plain=True,
    )  # fmt: skip
    (flow,) = flows([item], asset="BTC", begin_ns=NOW_NS, end_ns=NOW_NS + MINUTE_NS, source="x", ts_init=1)
    assert flow.trades == 0


@pytest.mark.parametrize(
    "fields", [{"direction": "both"}, {"amount": -1.0}, {"index_price": 0.0}, {"timestamp": 5}, {"iv": -1.0},
               {"instrument_name": "x"}, {"amount": "NaN"}]
)  # fmt: skip
def test_wrong_prints_are_refused(fields):
    with pytest.raises(MalformedAnswer):
        read([trade(**fields)])


def test_refusals():
    body = b'{"jsonrpc":"2.0","error":{"message":"too_many_requests","code":10028},"usIn":1}'
    assert messages.read_error(body) == (10028, "too_many_requests")
    assert messages.read_error(b"<html>") is None
    assert messages.read_error(b"[]") is None
    assert messages.read_error(b"{}") is None
