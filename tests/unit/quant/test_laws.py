"""Laws that hold for every market: turned round, in other units, and with inputs missing."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from marketdata.events import Bar, Event, QuoteTick, TradeTick
from quant.reading import Component, weighted_mean
from quant.signals.microstructure import PART_WEIGHTS as MICRO_WEIGHTS
from quant.signals.open_interest import PART_WEIGHTS as INTEREST_WEIGHTS
from quant.signals.open_interest import OpenInterestSignal
from quant.signals.options_flow import PART_WEIGHTS as OPTION_WEIGHTS
from quant.signals.options_flow import OptionsFlowSignal
from quant.signals.speed import Speed
from quant.signals.technical import Technical
from quant.signals.volatility import Volatility
from quant.strategies import STRATEGY_WEIGHTS
from quant.symbol_signals import SymbolSignals
from tests.unit.quant.market import IDS, SECOND, START, quote, session, walk
from tests.unit.quant.slow_market import derivatives, options

seeds = st.integers(0, 10_000)
MIDDLE = 100.0


@st.composite
def markets(draw) -> list[Bar]:
    """Walks with and without drift and takers, calm and wild, long enough for learned scales or not."""
    n = draw(st.sampled_from([60, 150, 320, 620]))
    step = draw(st.floats(0.01, 0.2))
    bars = walk(n, seed=draw(seeds), price=MIDDLE, step=step, drift=draw(st.floats(-0.03, 0.03)))
    shares = np.random.default_rng(n).uniform(0, 1, n).tolist()
    takers = draw(st.booleans())
    return [
        structs.replace(b, taker_buy_volume=b.volume * share if takers else None)
        for b, share in zip(bars, shares, strict=True)
    ]


def reflected(b: Bar) -> Bar:
    taker = b.taker_buy_volume
    return structs.replace(
        b,
        open=2 * MIDDLE - b.open,
        high=2 * MIDDLE - b.low,
        low=2 * MIDDLE - b.high,
        close=2 * MIDDLE - b.close,
        taker_buy_volume=None if taker is None else b.volume - taker,
    )


def scaled(b: Bar, price: float, size: float) -> Bar:
    taker = b.taker_buy_volume
    return structs.replace(
        b,
        open=b.open * price,
        high=b.high * price,
        low=b.low * price,
        close=b.close * price,
        volume=b.volume * size,
        taker_buy_volume=None if taker is None else taker * size,
    )


def technical(bars):
    signal = Technical("1m")
    for b in bars:
        signal.update(b)
    return signal.reading


def assert_same(one, other, sign, tolerance=1e-6):
    assert (one is None) == (other is None)
    assert one is None or other == pytest.approx(sign * one, abs=tolerance)


@settings(deadline=None, max_examples=25)
@given(markets())
def test_reflected_prices_turn_technical_round(bars):
    ours, theirs = technical(bars), technical([reflected(b) for b in bars])
    assert_same(ours.value, theirs.value, -1)
    for name in STRATEGY_WEIGHTS:
        assert_same(ours.parts[name], theirs.parts[name], -1)


@settings(deadline=None, max_examples=25)
@given(markets(), st.floats(-8, 8), st.floats(-6, 6))
def test_units_of_price_and_size_do_not_matter_to_bars(bars, price_exponent, size_exponent):
    other = [scaled(b, 10.0**price_exponent, 10.0**size_exponent) for b in bars]
    ours, theirs = technical(bars), technical(other)
    for name in STRATEGY_WEIGHTS:
        assert_same(ours.parts[name], theirs.parts[name], 1)
    calm, far = Volatility("1m"), Volatility("1m")
    for b, o in zip(bars, other, strict=True):
        calm.update(b)
        far.update(o)
    assert_same(calm.reading.value, far.reading.value, 1)


def turned(event: Event) -> Event:
    if isinstance(event, QuoteTick):
        bid, ask = 2 * MIDDLE - event.ask, 2 * MIDDLE - event.bid
        return structs.replace(event, bid=bid, ask=ask, bid_size=event.ask_size, ask_size=event.bid_size)
    if isinstance(event, TradeTick):
        return structs.replace(event, price=2 * MIDDLE - event.price, buyer_is_maker=not event.buyer_is_maker)
    assert hasattr(event, "bids")
    bids = tuple((2 * MIDDLE - price, size) for price, size in event.asks)
    asks = tuple((2 * MIDDLE - price, size) for price, size in event.bids)
    return structs.replace(event, bids=bids, asks=asks)


@settings(deadline=None, max_examples=10)
@given(seeds)
def test_exchanged_sides_turn_microstructure_round(seed):
    ours, theirs = SymbolSignals(**IDS), SymbolSignals(**IDS)
    for event in session(70, seed=seed):
        ours.update(event)
        theirs.update(turned(event))
    now = START + 70 * SECOND
    one, other = (made.read(now_ns=now).reading(Component.MICROSTRUCTURE) for made in (ours, theirs))
    assert one.value is not None
    for name in MICRO_WEIGHTS:
        assert_same(one.parts[name], other.parts[name], -1)


@settings(deadline=None, max_examples=10)
@given(seeds, st.floats(-6, 6))
def test_inverted_mids_turn_speed_round_in_any_unit(seed, exponent):
    steps = np.random.default_rng(seed).normal(0, 2e-5, 900)
    ours, theirs = Speed(), Speed()
    for i, log_mid in enumerate(np.cumsum(steps).tolist()):
        ours.on_mid(START + i * SECOND // 10, math.exp(log_mid))
        theirs.on_mid(START + i * SECOND // 10, 10.0**exponent * math.exp(-log_mid))
    assert_same(ours.read().value, theirs.read().value, -1)


@settings(deadline=None, max_examples=6)
@given(seeds)
def test_mirrored_derivatives_and_options_turn_round(seed):
    for make, kind, end in ((derivatives, OpenInterestSignal, START), (options, OptionsFlowSignal, START)):
        readings = []
        for mirrored in (False, True):
            signal = kind()
            for event in make(9, seed=seed, mirrored=mirrored):
                signal.update(event)
            readings.append(signal.read(end))
        assert_same(readings[0].value, readings[1].value, -1)
        assert readings[0].value is not None


WEIGHTS = st.sampled_from([STRATEGY_WEIGHTS, MICRO_WEIGHTS, INTEREST_WEIGHTS, OPTION_WEIGHTS])


@settings(deadline=None)
@given(WEIGHTS, st.lists(st.one_of(st.none(), st.floats(-1, 1)), min_size=6, max_size=6))
def test_a_missing_part_gives_its_weight_to_the_rest_and_is_not_zero(weights, values):
    parts = dict(zip(weights, values, strict=False))
    present = {name: value for name, value in parts.items() if value is not None}
    mean = weighted_mean(parts, weights)
    if not present:
        assert mean is None
        return
    assert mean == pytest.approx(np.average(list(present.values()), weights=[weights[name] for name in present]))
    assert min(present.values()) - 1e-12 <= mean <= max(present.values()) + 1e-12


def test_sub_weights_add_up_to_one():
    for weights in (STRATEGY_WEIGHTS, MICRO_WEIGHTS, INTEREST_WEIGHTS, OPTION_WEIGHTS):
        assert sum(weights.values()) == pytest.approx(1.0)
    assert list(STRATEGY_WEIGHTS.values()) == [0.30, 0.20, 0.15, 0.15, 0.10, 0.10]


@pytest.mark.parametrize("lacking", ["volume", "trades", "open interest", "chain"])
def test_without_one_input_the_rest_speaks(lacking):
    made = SymbolSignals(**IDS)
    bars = walk(120, first=-120)
    made.warm_up([structs.replace(b, volume=0.0) for b in bars] if lacking == "volume" else bars)
    for event in [*derivatives(9), *options(9)]:
        if not (lacking == "open interest" and hasattr(event, "contracts")) and not (
            lacking == "chain" and hasattr(event, "strikes")
        ):
            made.update(event)
    for event in session(60):
        if not (lacking == "trades" and isinstance(event, TradeTick)):
            made.update(event)
    vector = made.read(now_ns=START + 60 * SECOND)
    gone = {
        "volume": (Component.TECHNICAL, "1m", "volume"),
        "trades": (Component.MICROSTRUCTURE, None, "trade_flow"),
        "open interest": (Component.OPEN_INTEREST, None, "quadrant"),
    }
    if lacking == "chain":
        assert vector.reading(Component.OPTIONS_FLOW).value is None
        return
    component, timeframe, part = gone[lacking]
    reading = vector.reading(component, timeframe)
    assert reading.parts[part] is None
    assert reading.value is not None


def test_a_quote_without_a_book_is_enough_for_order_flow():
    made = SymbolSignals(**IDS)
    for i in range(700):
        made.update(quote(START + i * SECOND // 10, bid_size=1.0 + i % 7, update_id=i + 1))
    parts = made.read(now_ns=START + 70 * SECOND).reading(Component.MICROSTRUCTURE).parts
    assert parts["order_flow"] is not None
    assert parts["book_imbalance"] is None
