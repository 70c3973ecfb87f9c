"""GARCH along the bars: the same whether it was fitted before them or after."""

import math

import numpy as np
import pytest

from quant.features.clustering import KEPT_RETURNS, Clustering
from quant.features.garch import GarchFilter, GarchParameters
from quant.signals.volatility import Volatility
from quant.symbol_signals import SymbolSignals
from tests.unit.quant.market import IDS, walk

FITTED = GarchParameters(mu=0.0, omega=0.0001, alpha=0.1, beta=0.85)


def returns(n: int) -> list[float]:
    return np.random.default_rng(4).normal(0.0, 1e-3, n).tolist()


def test_nothing_is_expected_before_a_fit():
    made = Clustering()
    made.update(0.001)
    assert made.sigma is None


def test_the_last_returns_count_whenever_it_was_fitted():
    early, late, own = Clustering(), Clustering(), GarchFilter(FITTED)
    early.follow(FITTED)
    for moved in returns(KEPT_RETURNS):
        early.update(moved)
        late.update(moved)
        own.update(100.0 * moved)
    late.follow(FITTED)
    assert early.sigma == late.sigma == math.sqrt(own.variance) / 100.0
    late.follow(None)
    assert late.sigma is None


def test_it_is_recorded_beside_the_signal_and_moves_nothing():
    plain, fitted = Volatility("1m"), Volatility("1m")
    fitted.set_garch(FITTED)
    for bar in walk(120):
        plain.update(bar)
        fitted.update(bar)
    assert plain.reading.parts["garch"] is None
    assert fitted.reading.parts["garch"] == pytest.approx(fitted.reading.parts["ewma"], rel=0.9)
    assert (fitted.reading.value, fitted.size_multiplier) == (plain.reading.value, plain.size_multiplier)


def test_it_counts_on_the_timeframe_it_was_fitted_to():
    made = SymbolSignals(**IDS)
    made.set_garch("1m", FITTED)
    made.warm_up(walk(60))
    assert made.read(now_ns=walk(60)[-1].ts_close).reading("volatility").parts["garch"] is not None
    made.add_timeframe("1m", walk(60))
    assert made.read(now_ns=walk(60)[-1].ts_close).reading("volatility").parts["garch"] is not None
    made.set_garch("5m", FITTED)
    made.add_timeframe("1m", walk(60))
    assert made.read(now_ns=walk(60)[-1].ts_close).reading("volatility").parts["garch"] is None
