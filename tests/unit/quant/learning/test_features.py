"""Features: one definition for live and history, no look ahead, and nothing invented."""

import math

import numpy as np
import pytest
import talib

from marketdata.events import TIMEFRAME_SECONDS, Ticker
from quant.features.microprice import MicropriceTable
from quant.features.ranges import YangZhang
from quant.learning.features import (
    BAR_FEATURES,
    FEATURES,
    MARKET_FEATURES,
    FeatureBuilder,
    feature_arrays,
    market_features,
)
from quant.learning.features.yang_zhang import yang_zhang_array
from quant.symbol_signals import SymbolSignals
from tests.unit.quant.learning.market import column, of_bars
from tests.unit.quant.market import IDS, SECOND, START, bar, recorded_bars, session, walk
from tests.unit.quant.slow_market import everything


def live(bars, timeframe="1m"):
    builder = FeatureBuilder(timeframe)
    return np.array([builder.row() for one in bars if builder.update(one)])


def assert_same(one, other):
    assert one.shape == other.shape
    np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_there_are_at_least_32_features_of_bars_alone_and_no_name_twice():
    assert len(BAR_FEATURES) >= 32
    assert len(set(FEATURES)) == len(FEATURES) == len(BAR_FEATURES) + len(MARKET_FEATURES)


@pytest.mark.parametrize("price", [1e-6, 100.0, 60_000.0])
def test_live_says_what_history_says(price):
    bars = [
        one if i % 3 else bar(i, one.close, open_=one.open, high=one.high, low=one.low, volume=one.volume, taker_buy_volume=one.volume * 0.4)
        for i, one in enumerate(walk(900, price=price, step=price * 1e-3))
    ]  # fmt: skip
    assert_same(live(bars), feature_arrays(of_bars(bars), "1m"))


def test_live_says_what_history_says_on_a_recording():
    bars = recorded_bars(3000)
    assert_same(live(bars), feature_arrays(of_bars(bars).sound(), "1m"))


def test_every_feature_of_bars_is_there_after_the_warm_up():
    bars = [
        bar(i, one.close, open_=one.open, high=one.high, low=one.low, volume=one.volume, taker_buy_volume=one.volume / 3)
        for i, one in enumerate(walk(400))
    ]  # fmt: skip
    rows = feature_arrays(of_bars(bars), "1m")[310:, : len(BAR_FEATURES)]
    missing = np.isnan(rows).mean(axis=0)
    # Only the day's average needs ten bars of its day.
    assert {name for name, share in zip(BAR_FEATURES, missing, strict=True) if share > 0.05} == set()


@pytest.mark.parametrize("cut", [1, 5, 36, 120, 340, 699])
def test_removing_the_future_changes_nothing(cut):
    bars = of_bars(walk(700))
    assert_same(feature_arrays(bars.part(slice(0, cut)), "1m"), feature_arrays(bars, "1m")[:cut])


def test_features_do_not_depend_on_the_units_of_price_and_volume():
    bars = of_bars(walk(600))
    scale = {"open": 64.0, "high": 64.0, "low": 64.0, "close": 64.0, "volume": 0.125}
    other = type(bars)(
        **{name: getattr(bars, name) * scale.get(name, 1) for name in bars.__struct_fields__ if name != "ts_open"},
        ts_open=bars.ts_open,
    )
    np.testing.assert_allclose(feature_arrays(other, "1m"), feature_arrays(bars, "1m"), rtol=1e-9, atol=1e-12)


def test_a_hole_that_cannot_be_bridged_begins_anew_in_both():
    bars = walk(400) + walk(400, first=410)
    rows = feature_arrays(of_bars(bars), "1m")
    assert_same(live(bars), rows)
    assert_same(rows[400:, : column("hour_sin")], feature_arrays(of_bars(bars[400:]), "1m")[:, : column("hour_sin")])


def test_what_cannot_be_believed_is_left_out_by_both():
    bars = walk(500)
    broken = [
        bar(499, 100.0, open_=100.0, high=90.0, low=110.0),
        bar(500, math.nan),
        bar(501, -1.0),
        bar(502, 100.0, volume=math.inf),
        bar(10, 100.0),
        bars[-1],
    ]
    history = of_bars([*bars[:-1], *broken, bar(503, 100.0)]).sound()
    assert history.ts_open.tolist() == [one.ts_open for one in [*bars[:-1], bars[-1], bar(503, 100.0)]]
    assert_same(live([*bars[:-1], *broken, bar(503, 100.0)]), feature_arrays(history, "1m"))


def test_a_market_that_stands_still_has_no_features_that_divide_by_its_movement():
    rows = feature_arrays(of_bars([bar(i, 100.0, volume=0.0) for i in range(400)]), "1m")
    for name in ("return_12", "ewmac_8_32", "rsi_14", "bollinger_z", "mfi_14", "obv_slope", "taker_flow", "volume_z"):
        assert np.isnan(rows[:, column(name)]).all(), name
    assert np.isfinite(rows[-1, column("hour_cos")])


def test_no_bar_gives_no_row():
    assert feature_arrays(of_bars([]), "1m").shape == (0, len(FEATURES))
    assert np.isnan(feature_arrays(of_bars(walk(1)), "1m")[0, : column("hour_sin")]).sum() > 30


def test_known_values():
    bars = of_bars(walk(500))
    rows = feature_arrays(bars, "1m")
    sigma = np.sqrt(talib.EMA(np.diff(np.log(bars.close)) ** 2, timeperiod=35))[-1]
    last = {name: rows[-1, i] for i, name in enumerate(FEATURES)}
    assert last["return_12"] == pytest.approx(np.log(bars.close[-1] / bars.close[-13]) / (sigma * math.sqrt(12)))
    assert last["rsi_14"] == pytest.approx(talib.RSI(bars.close, 14)[-1] / 100)
    assert last["cci_20"] == pytest.approx(talib.CCI(bars.high, bars.low, bars.close, 20)[-1] / 100)
    assert last["mfi_14"] == pytest.approx(talib.MFI(bars.high, bars.low, bars.close, bars.volume, 14)[-1] / 100)
    second = (int(bars.ts_open[-1]) // SECOND) % 86_400
    assert last["hour_sin"] == pytest.approx(math.sin(2 * math.pi * second / 86_400))


def test_yang_zhang_is_that_of_the_signals():
    bars = of_bars(walk(200))
    stream = YangZhang(20)
    rows = zip(bars.open.tolist(), bars.high.tolist(), bars.low.tolist(), bars.close.tolist(), strict=True)
    expected = np.array([stream.update(*row) for row in rows], dtype=float)
    np.testing.assert_allclose(yang_zhang_array(bars.open, bars.high, bars.low, bars.close), expected, rtol=1e-9)


def test_market_features_are_of_fresh_signals_only():
    bars = walk(500)
    signals = SymbolSignals(**IDS)
    signals.warm_up(bars)
    start = START + 500 * 60 * SECOND
    for event in session(80, start=start, price=bars[-1].close):
        signals.update(event)
    fresh = dict(zip(MARKET_FEATURES, market_features(signals.read(now_ns=start + 80 * SECOND)), strict=True))
    assert -1.0 <= fresh["book_imbalance"] <= 1.0
    assert math.isfinite(fresh["order_flow_10s"])
    assert math.isfinite(fresh["spread_gap"])
    assert math.isnan(fresh["risk_reversal"])
    stale = dict(zip(MARKET_FEATURES, market_features(signals.read(now_ns=start + 200 * SECOND)), strict=True))
    assert math.isnan(stale["book_imbalance"])


def test_every_market_feature_is_there_where_the_market_has_all():
    bars = walk(500)
    start = START + 500 * 60 * SECOND
    signals = SymbolSignals(**IDS)
    signals.set_microprice(MicropriceTable(tick=0.01, bins=10, adjustments=((0.1,) * 10,) * 4, n_quotes=1000))
    signals.warm_up(bars[:-1])
    events = session(110, start=start, price=bars[-1].close)
    ticker = Ticker(
        **IDS,
        last=100.0,
        change=0.0,
        high=101.0,
        low=99.0,
        volume=100.0,
        quote_volume=1e4,
        ts_event=start,
        ts_init=start,
    )
    signals.load_observations(everything(35, end=start + 110 * SECOND))
    for event in [bars[-1], ticker, *events]:
        signals.update(event)
    found = dict(zip(MARKET_FEATURES, market_features(signals.read(now_ns=events[-1].ts_init)), strict=True))
    assert {name for name, value in found.items() if math.isnan(value)} == set()


def test_market_features_stand_after_those_of_the_bars():
    builder = FeatureBuilder("1m")
    builder.update(bar(0, 100.0))
    market = [float(i) for i in range(len(MARKET_FEATURES))]
    np.testing.assert_array_equal(builder.row(market)[len(BAR_FEATURES) :], market)
    with pytest.raises(ValueError, match="1 market features, must be"):
        builder.row([1.0])
    with pytest.raises(ValueError, match="market is"):
        feature_arrays(of_bars(walk(3)), "1m", np.zeros((2, len(MARKET_FEATURES))))


@pytest.mark.parametrize("timeframe", ["5m", "1h"])
def test_longer_bars_are_measured_by_their_own_length(timeframe):
    length = TIMEFRAME_SECONDS[timeframe] * SECOND
    bars = [bar(i, one.close, timeframe=timeframe) for i, one in enumerate(walk(60))]
    assert len(of_bars(bars).segments(length)) == 1
    assert_same(live(bars, timeframe), feature_arrays(of_bars(bars), timeframe))
