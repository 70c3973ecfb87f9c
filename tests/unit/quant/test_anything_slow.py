"""Slow observations of any content and order leave signals in range or missing, and never raise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from marketdata.events import (
    Event,
    Funding,
    Headline,
    LongShort,
    OpenInterest,
    OptionsFlow,
    OptionsSummary,
    Premium,
    Sentiment,
    VolatilityIndex,
)
from quant.reading import Component
from quant.symbol_signals import SymbolSignals
from tests.unit.quant.market import IDS, SECOND, START, bar, walk
from tests.unit.quant.slow_market import DAY, HOUR, everything

MONTH = everything(31)
SLOW_ONES = (Component.OPEN_INTEREST, Component.OPTIONS_FLOW, Component.SENTIMENT)

numbers = st.floats(allow_nan=True, allow_infinity=True)
values = st.one_of(st.floats(0.5, 2.0), st.floats(1e-3, 1e6), numbers)
times = st.one_of(
    st.integers(START, START + HOUR), st.integers(START - 40 * DAY, START + 40 * DAY), st.integers(0, 2**62)
)
symbols = st.sampled_from(["BTC", "BTC/USDT:USDT", "BTC/USDT", "CRYPTO", "DOGE", ""])


@st.composite
def slow_events(draw) -> Event:
    ts = draw(times)
    who = {
        "exchange": draw(st.sampled_from(["binance-futures", "deribit", "kucoin"])),
        "symbol": draw(symbols),
        "ts_event": ts,
        "ts_init": ts if draw(st.booleans()) else draw(times),
    }
    match draw(st.integers(0, 8)):
        case 0:
            return Funding(rate=draw(values), interval_h=draw(values), **who)
        case 1:
            return OpenInterest(contracts=draw(values), **who)
        case 2:
            scope = draw(st.sampled_from(["accounts", "top_positions", "taker", "?"]))
            return LongShort(scope=scope, ratio=draw(values), **who)
        case 3:
            return Premium(
                mark=draw(values), index=draw(values), expiry=draw(st.sampled_from([0, START, ts + DAY])), **who
            )
        case 4:
            chain = {name: draw(values) for name in ("iv_atm_30d", "risk_reversal_25d", "put_volume", "call_volume")}
            more = {name: draw(values) for name in ("iv_7d", "iv_90d", "put_open_interest", "call_open_interest")}
            return OptionsSummary(strikes=draw(st.integers(-5, 99)), **chain, **more, **who)
        case 5:
            return OptionsFlow(net_delta=draw(values), gross_delta=draw(values), trades=1, **who)
        case 6:
            return Sentiment(index=draw(st.one_of(values, st.floats(-10, 110))), **who)
        case 7:
            return VolatilityIndex(value=draw(values), **who)
        case _:
            return Headline(title=draw(st.text(max_size=400)), link="", **who)


def assert_in_range(signals: SymbolSignals, now: int) -> None:
    vector = signals.read(now_ns=now)
    known = ~np.isnan(vector.values)
    assert (np.abs(vector.values[known]) <= 1).all()
    assert ((vector.quality >= 0) & (vector.quality <= 1)).all()
    assert (vector.quality[~known] == 0).all()
    for reading in vector.readings:
        assert (reading.value is None) == bool(reading.reason)
        assert all(x is None or np.isfinite(x) for x in reading.parts.values()), reading.parts


@settings(deadline=None, max_examples=60)
@given(st.lists(slow_events(), max_size=60))
def test_any_observation_before_there_is_history(arriving):
    signals = SymbolSignals(**IDS)
    for event in arriving:
        signals.update(event)
        assert_in_range(signals, START)


@settings(deadline=None, max_examples=25)
@given(st.lists(slow_events(), max_size=40))
def test_any_observation_after_a_month(arriving):
    signals = SymbolSignals(**IDS)
    signals.load_observations(MONTH)
    for event in arriving:
        signals.update(event)
        assert_in_range(signals, START + HOUR // 10)


@pytest.mark.parametrize("component", SLOW_ONES)
def test_a_month_of_holes_is_in_range_or_missing(component):
    rng = np.random.default_rng(2)
    signals = SymbolSignals(**IDS)
    holed = [event for event in MONTH if rng.random() < 0.4 and (event.ts_event // DAY) % 5]
    for event in holed:
        signals.update(event)
    assert_in_range(signals, START)
    assert signals.read(now_ns=START).reading(component) is not None


def broken_bars():
    nan, inf = float("nan"), float("inf")
    return {
        "high below low": {"high": 99.0, "low": 101.0},
        "close above high": {"high": 100.0, "low": 99.0},
        "no price": {"low": 0.0},
        "negative": {"low": -5.0},
        "not a number": {"high": nan},
        "no limit": {"high": inf},
        "absurd": {"high": 1e300},
        "volume is not a number": {"volume": nan},
        "negative volume": {"volume": -1.0},
        "absurd volume": {"volume": 1e300},
    }


@pytest.mark.parametrize("name", broken_bars())
def test_an_unsound_bar_leaves_no_trace_and_absurd_taker_volume_neither(name):
    clean, spoiled = SymbolSignals(**IDS), SymbolSignals(**IDS)
    for b in walk(120):
        clean.update(b)
        spoiled.update(b)
        number = (b.ts_open - START) // (60 * SECOND) + 1
        spoiled.update(bar(number, 100.5, open_=100.0, **broken_bars()[name]))
    ours, theirs = clean.read(now_ns=START + 7200 * SECOND), spoiled.read(now_ns=START + 7200 * SECOND)
    assert ours.readings == theirs.readings


@pytest.mark.parametrize("taker", [float("nan"), float("inf"), -1.0, 1e300])
def test_an_unsound_taker_volume_is_as_good_as_none(taker):
    clean, spoiled = SymbolSignals(**IDS), SymbolSignals(**IDS)
    for b in walk(120):
        clean.update(b)
        spoiled.update(structs.replace(b, taker_buy_volume=taker))
    assert clean.read(now_ns=START).readings == spoiled.read(now_ns=START).readings
