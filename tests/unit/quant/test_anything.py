"""Whatever arrives, signals stay numbers in range or are missing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.events import Event
from quant.blend import blend, weight_row
from quant.correlation import CorrelationEstimator
from quant.edge import Costs, Evidence, edge_of
from quant.size import size_of
from quant.symbol_signals import SymbolSignals
from quant.vector import SignalVector
from quant.veto import quant_block
from quant.voting import left_out, validate
from tests.unit.quant.market import IDS, SECOND, START, bar, book, quote, trade, walk

NOW = START + 60 * 60 * SECOND
numbers = st.floats(allow_nan=True, allow_infinity=True)
plausible = st.floats(min_value=90.0, max_value=110.0)
values = st.one_of(plausible, plausible, numbers)
times = st.integers(min_value=NOW - 5 * SECOND, max_value=NOW + 400 * SECOND)
levels = st.lists(st.tuples(values, values), max_size=6)


@st.composite
def events(draw) -> Event:
    ts = draw(times)
    match draw(st.integers(0, 3)):
        case 0:
            return quote(ts, draw(values), draw(values), bid_size=draw(values), ask_size=draw(values))
        case 1:
            return trade(ts, draw(values), size=draw(values), seller=draw(st.booleans()))
        case 2:
            return book(ts, draw(levels), draw(levels))
        case _:
            prices = {"open_": draw(values), "high": draw(values), "low": draw(values), "volume": draw(values)}
            return bar(60 + draw(st.integers(-3, 9)), draw(values), closed=draw(st.booleans()), **prices)


def assert_decisions_can_be_made(vector: SignalVector, correlations: CorrelationEstimator) -> None:
    """All that is made of a vector is finite, in range and in words."""
    row = weight_row(vector.columns, timeframe_weights={"1m": 1.0}, forming=True)
    correlations.observe(vector)
    blended = blend(row[None, :], vector, correlation=correlations.matrix)
    assert 0.0 <= blended.confidence[0] <= 1.0
    assert 0.0 <= blended.coverage[0] <= 1.0 + 1e-12
    assert abs(blended.forecast[0]) <= 20.0
    effective = blended.effective_weights_of(0)
    verdicts = validate(
        columns=vector.columns,
        values=vector.values,
        weights=effective,
        coverage=float(blended.coverage[0]),
        confidence=float(blended.confidence[0]),
        edge=edge_of(
            Evidence(ic=0.05, is_significant=True),
            forecast=float(blended.forecast[0]),
            sigma_per_sqrt_s=vector.sigma_per_sqrt_s,
            costs=Costs(fees_bps=10.0, half_spread_bps=vector.spread_bps or 0.0),
        ),
        edge_gate=True,
    )
    assert all(np.isfinite((verdict.value, verdict.limit)).all() and verdict.text for verdict in verdicts)
    assert all(block.text for block in quant_block(vector, weights=row))
    assert 0.35 - 1e-12 <= size_of(vector).multiplier <= 1.0
    silent = left_out(vector.columns, vector.readings, vector.quality, row, now_ns=vector.now_ns)
    assert all(one.reason for one in silent)
    assert len(silent) == int(((row > 0.0) & (vector.quality <= 0.0)).sum())


@settings(deadline=None, max_examples=60)
@given(st.lists(events(), max_size=80))
def test_signals_stay_in_range_whatever_arrives(arriving):
    signals = SymbolSignals(**IDS)
    signals.warm_up(walk(60))
    correlations = CorrelationEstimator(signals.columns)
    for event in arriving:
        signals.update(event)
        vector = signals.read(now_ns=NOW)
        known = ~np.isnan(vector.values)
        assert (np.abs(vector.values[known]) <= 1).all()
        assert ((vector.quality >= 0) & (vector.quality <= 1)).all()
        assert (vector.quality[~known] == 0).all()
        assert_decisions_can_be_made(vector, correlations)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.floats(1e-30, 1e30), st.floats(0, 1e30)), min_size=60, max_size=120))
def test_wild_but_legal_markets_stay_in_range(ticks):
    signals = SymbolSignals(**IDS)
    signals.warm_up(walk(60))
    for i, (price, size) in enumerate(ticks):
        ts = NOW + i * SECOND
        signals.update(quote(ts, price, price * 1.001, bid_size=size, ask_size=1.0))
        signals.update(trade(ts, price, size=size, seller=i % 2 == 0))
        signals.update(bar(60 + i, price))
        vector = signals.read(now_ns=ts)
        known = ~np.isnan(vector.values)
        assert (np.abs(vector.values[known]) <= 1).all()
        for reading in vector.readings:
            assert all(x is None or np.isfinite(x) for x in reading.parts.values()), reading.parts


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.tuples(*[st.floats(1e-30, 1e30)] * 4, st.floats(0, 1e30), st.floats(0, 1)), min_size=60, max_size=90)
)
def test_wild_but_legal_bars_stay_in_range(rows):
    signals = SymbolSignals(**IDS)
    for i, (a, b, c, d, volume, share) in enumerate(rows):
        high, low = max(a, b, c, d), min(a, b, c, d)
        signals.update(bar(i, c, open_=b, high=high, low=low, volume=volume, taker_buy_volume=volume * share))
        vector = signals.read(now_ns=START)
        known = ~np.isnan(vector.values)
        assert (np.abs(vector.values[known]) <= 1).all()
        for reading in vector.readings:
            assert all(x is None or np.isfinite(x) for x in reading.parts.values()), reading.parts
