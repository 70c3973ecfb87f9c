"""What the simulated exchange answers when it is asked rarely: a function of seed and time, within documented limits."""

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from marketdata.simulator.path import Path
from marketdata.simulator.slow import Window
from marketdata.simulator.slow_futures import BadRequest, SlowFutures
from marketdata.simulator.slow_news import SlowNews
from marketdata.simulator.slow_options import SlowOptions, expiries_ms
from marketdata.simulator.symbols import find_spec

NOW_MS = 1_750_000_037_000
STEP_MS = 300_000
DAY_MS = 86_400_000


def made(seed: int = 1) -> SlowFutures:
    names = ("BTC/USDT", "ETH/USDT", "DOGE/USDT")
    return SlowFutures({find_spec(name).id: Path(find_spec(name), seed=seed, rate=20) for name in names}, seed=seed)


def asked(answer: Any, **params: object) -> Any:
    return answer({name: str(value) for name, value in params.items()}, NOW_MS)


def test_the_same_seed_and_time_give_the_same_numbers():
    first, again, other = made(), made(), made(seed=2)
    for name in ("open_interest_history", "taker"):
        query = {"symbol": "BTCUSDT", "period": "5m", "limit": 100}
        assert asked(getattr(first, name), **query) == asked(getattr(again, name), **query)
        assert asked(getattr(first, name), **query) != asked(getattr(other, name), **query)


def test_a_bucket_is_the_same_in_whatever_page_it_comes():
    futures = made()
    long = asked(futures.open_interest_history, symbol="BTCUSDT", period="5m", limit=500)
    at = long[100]["timestamp"]
    (one,) = asked(futures.open_interest_history, symbol="BTCUSDT", period="5m", startTime=at, endTime=at)
    assert one == long[100]


def test_pages_hold_the_latest_of_the_range():
    rows = asked(made().taker, symbol="BTCUSDT", period="5m", limit=10, startTime=NOW_MS - DAY_MS, endTime=NOW_MS)
    last = NOW_MS // STEP_MS * STEP_MS
    assert [row["timestamp"] for row in rows] == list(range(last - 9 * STEP_MS, last + 1, STEP_MS))


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"symbol": "NOPE", "period": "5m"}, -1121),
        ({"symbol": "BTCUSDT", "period": "7m"}, -1102),
        ({"symbol": "BTCUSDT", "period": "5m", "limit": 501}, -1130),
        ({"symbol": "BTCUSDT", "period": "5m", "startTime": NOW_MS - 31 * DAY_MS}, -1130),
    ],
)
def test_refusals(params, code):
    with pytest.raises(BadRequest) as refused:
        asked(made().open_interest_history, **params)
    assert refused.value.code == code


def test_perpetuals_follow_the_price_of_the_spot_market():
    futures = made()
    row = asked(futures.premium_index, symbol="BTCUSDT")
    path = Path(find_spec("BTC/USDT"), seed=1, rate=20)
    minute = NOW_MS // 60_000
    low, high = sorted(np.exp(path.anchors(np.array([minute, minute + 1], dtype=np.int64))))
    assert low <= float(row["indexPrice"]) <= high
    assert abs(float(row["markPrice"]) / float(row["indexPrice"]) - 1) < 0.01
    assert len(asked(futures.premium_index)) == 3


@pytest.mark.parametrize(("symbol", "hours"), [("BTCUSDT", 8), ("DOGEUSDT", 4)])
def test_funding_is_settled_at_its_interval(symbol, hours):
    rows = asked(made().funding_rates, symbol=symbol, limit=1000, startTime=NOW_MS - 90 * DAY_MS, endTime=NOW_MS)
    assert len(rows) == 90 * 24 // hours
    assert {row["fundingTime"] // 3_600_000 % hours for row in rows} == {0}
    rates = [float(row["fundingRate"]) for row in rows]
    assert all(abs(rate) <= 0.02 for rate in rates)
    assert len(set(rates)) > len(rates) // 2
    listed = {row["symbol"]: row["fundingIntervalHours"] for row in asked(made().funding_info)}
    assert listed.get(symbol, 8) == hours


def test_a_dated_future_costs_more_the_longer_it_runs():
    futures = made()
    current, following = (
        asked(futures.basis, pair="BTCUSDT", contractType=kind, period="5m", limit=1)[0]
        for kind in ("CURRENT_QUARTER", "NEXT_QUARTER")
    )
    assert float(current["futuresPrice"]) < float(following["futuresPrice"])
    assert asked(futures.basis, pair="DOGEUSDT", contractType="CURRENT_QUARTER", period="5m") == []


def test_the_chain_has_a_smile_on_six_expiries_and_no_arbitrage_of_parity():
    rows = asked(SlowOptions(made(), seed=1).book_summary, currency="ETH", kind="option")
    expiries = {row["underlying_index"] for row in rows}
    assert len(expiries) == 6
    for expiry in expiries:
        options = {row["instrument_name"]: row for row in rows if row["underlying_index"] == expiry}
        forward = next(iter(options.values()))["underlying_price"]
        strikes = sorted({int(name.split("-")[2]) for name in options})
        assert len(strikes) >= 10
        assert strikes[0] < forward < strikes[-1]
        for strike in strikes:
            call, put = options[f"{expiry}-{strike}-C"], options[f"{expiry}-{strike}-P"]
            assert call["mark_iv"] == put["mark_iv"]
            assert math.isclose(call["mark_price"] - put["mark_price"], 1 - strike / forward, abs_tol=3e-6)


def test_expiries_are_at_eight_and_in_order():
    times = expiries_ms(NOW_MS)
    assert times == sorted(set(times))
    assert all(time % DAY_MS == 8 * 3_600_000 for time in times)
    assert times[0] > NOW_MS
    assert all(datetime.fromtimestamp(time / 1000, tz=UTC).weekday() == 4 for time in times[1:])


def test_trades_are_the_same_in_whatever_pages_they_come():
    chain = SlowOptions(made(), seed=1)
    query = {"currency": "BTC", "kind": "option", "sorting": "asc"}
    begin = NOW_MS - 600 * 60_000
    whole = asked(chain.last_trades, **query, start_timestamp=begin, end_timestamp=NOW_MS, count=10_000)
    assert not whole["has_more"]
    part = asked(chain.last_trades, **query, start_timestamp=begin, end_timestamp=NOW_MS, count=100)
    assert part["has_more"]
    assert part["trades"] == whole["trades"][:100]
    newest = asked(chain.last_trades, currency="BTC", start_timestamp=begin, end_timestamp=NOW_MS, count=5)
    assert newest["trades"] == whole["trades"][:-6:-1]
    assert {"block_trade_id", "combo_id"} <= {name for trade in whole["trades"] for name in trade}


def test_the_index_continues_in_pages():
    chain = SlowOptions(made(), seed=1)
    first = asked(
        chain.volatility_index, currency="BTC", resolution="60", start_timestamp=NOW_MS - 2 * DAY_MS,
        end_timestamp=NOW_MS,
    )  # fmt: skip
    assert len(first["data"]) == 1_000
    assert first["continuation"] < first["data"][0][0]
    assert all(low <= min(open_, close) and max(open_, close) <= high for _, open_, high, low, close in first["data"])


def test_fear_and_greed_since_2018():
    news = SlowNews(seed=1)
    every = asked(news.fear_greed, limit=0)["data"]
    assert len(every) == NOW_MS // DAY_MS - 1_517_443_200_000 // DAY_MS + 1
    assert all(0 <= int(day["value"]) <= 100 for day in every)
    assert [{**day, "time_until_update": ""} for day in asked(news.fear_greed, limit=2)["data"]] == [
        {**day, "time_until_update": ""} for day in every[:2]
    ]


def test_use_is_counted_over_the_last_minutes():
    window = Window(limit=3, width_ms=1_000)
    assert [window.spend(1, at) for at in (0, 100, 200)] == [None, None, None]
    assert window.spend(1, 300) == 1
    assert window.spend(1, 1_350) is None
    assert window.most == 4
