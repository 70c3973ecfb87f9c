"""Published and independently computed figures, one line each; `rel` is one unit of the last digit given.

Not here: Stoikov's chain, which is a set of properties (features/test_microprice.py), ratios and overfitting (evidence/
test_luck.py has them all, and skfolio's), and two that do not apply. VADER's sentence: headlines are judged by a word list
of our own kind, because VADER scores "BTC to the moon" 0. The pysystemtrade doctest of EDOLLAR: it needs that project's
prices; EWMAC is compared with pandas instead (features/test_trend.py).
"""

import importlib.util
import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import talib
from arch.data import sp500
from talib import stream
from vollib.black import black as black_oracle  # type: ignore[import-untyped]
from vollib.black.greeks.analytical import delta as delta_oracle  # type: ignore[import-untyped]
from vollib.black.greeks.analytical import gamma as gamma_oracle  # type: ignore[import-untyped]
from vollib.black_scholes import black_scholes as black_scholes_oracle  # type: ignore[import-untyped]

from quant.blend import DEFAULT_WEIGHTS, blend, weight_row
from quant.evidence.overfitting import overfitting
from quant.evidence.sharpe import deflated_sharpe, expected_max_sharpe, probabilistic_sharpe
from quant.features.black76 import black_scholes, delta, gamma, price
from quant.features.book import imbalance, order_flow, weighted_mid
from quant.features.efficiency import EfficiencyRatio
from quant.features.garch import fit, log_likelihood
from quant.features.impact import kyle_lambda
from quant.features.indicator import Indicator
from quant.features.lexicon import score
from quant.features.ranges import garman_klass, parkinson, yang_zhang
from quant.features.toxicity import Vpin
from quant.features.trend import breakout
from quant.features.variance_ratio import variance_ratio
from tests.unit.quant.features.test_book import QUOTES
from tests.unit.quant.features.test_impact import MIDS, SIGNED
from tests.unit.quant.features.test_indicator import CLOSES
from tests.unit.quant.features.test_ranges import CLOSE, HIGH, LOW, OPEN
from tests.unit.quant.test_blend import ALL, vector

CALL = {"strike": 100.0, "years": 0.5, "volatility": 0.2}


def stock_prices():
    return sp500.load()["Adj Close"].dropna().to_numpy()


def stock_returns():
    return 100 * (stock_prices()[1:] / stock_prices()[:-1] - 1)


def garch() -> list[float]:
    found = fit(stock_returns())
    return [found.mu, found.omega, found.alpha, found.beta]


def vpin() -> list[float]:
    buckets, seen = Vpin(10.0, 3), []
    for sign, size in [(1, 6.0), (-1, 4.0), (1, 10.0), (-1, 5.0), (-1, 5.0), (1, 12.0), (-1, 8.0)]:
        if buckets.update(sign, size) and buckets.value is not None:
            seen.append(buckets.value)
    return seen


def rsi() -> list[float | None]:
    indicator = Indicator(partial(stream.RSI, timeperiod=14))
    values = []
    for close in CLOSES.tolist():
        indicator.update(close)
        values.append(indicator.value)
    return values[-2:]


def multiplier(correlation: float) -> float:
    """Of the default weights, when all components are equally correlated."""
    everything = vector(**ALL)
    row = weight_row(everything.columns, timeframe_weights={"1m": 1.0}, forming=False)
    rho = np.full((len(row),) * 2, correlation)
    np.fill_diagonal(rho, 1.0)
    return float(blend(row[None, :], everything, correlation=rho).multiplier[0])


def efficiency(prices: list[float]) -> float | None:
    ratio = EfficiencyRatio(20)
    return [ratio.update(p) for p in prices][-1]


def efficiency_of_walks() -> float:
    walks = np.random.default_rng(7).normal(size=(8000, 20)).cumsum(axis=1)
    return float(np.mean([efficiency([0.0, *walk]) for walk in walks.tolist()]))


def noise(column_3: float) -> float | None:
    returns = np.random.default_rng(42).normal(0, 0.01, (1000, 50))
    returns[:, 3] += column_3
    return overfitting(returns, blocks=10).pbo


VECTORS: list[tuple[str, Callable[[], object], object, float]] = [
    ("order flow", lambda: [order_flow(a, b) for a, b in pairwise(QUOTES)], [3.0, 3.0, -6.0, 4.0], 0.0),
    ("weighted mid", lambda: weighted_mid(100.0, 5.0, 101.0, 15.0), 100.25, 0.0),
    ("imbalance", lambda: imbalance([(9.0, 5.0), (8.0, 3.0)], [(10.0, 2.0), (11.0, 2.0)]), 0.3333, 5e-5),
    ("vpin", vpin, [0.7333, 1.0, 0.8667], 5e-5),
    ("kyle", lambda: kyle_lambda(MIDS, SIGNED, 4)[-1], 0.0416667, 5e-8),
    ("rsi", rsi, [70.5328, 66.3186], 5e-5),
    ("parkinson", lambda: parkinson(HIGH, LOW), 0.01777518, 5e-9),
    ("garman klass", lambda: garman_klass(OPEN, HIGH, LOW, CLOSE), 0.01989171, 5e-9),
    ("yang zhang", lambda: yang_zhang(OPEN, HIGH, LOW, CLOSE), 0.01967278, 5e-9),
    ("garch", garch, [0.05635, 0.01751, 0.10215, 0.88521], 1e-5),
    ("garch likelihood", lambda: log_likelihood(stock_returns(), fit(stock_returns())), -6936.718, 1e-3),
    ("variance ratio", lambda: variance_ratio(np.log(stock_prices()), 2), (0.93012, -2.8067), 5e-5),
    (
        "black scholes",
        lambda: black_scholes(spot=100.0, strike=90.0, years=0.5, rate=0.01, volatility=0.2, is_call=True),
        12.1115814,
        5e-8,
    ),
    ("black 76", lambda: price(forward=100.0, rate=0.02, is_call=True, **CALL), 5.5811067, 5e-8),
    ("delta", lambda: delta(forward=100.0, is_call=True, **CALL), 0.5281859, 1e-7),
    ("gamma", lambda: gamma(forward=100.0, **CALL), 0.0281390, 5e-8),
    ("multiplier, independent", lambda: multiplier(0.0), 2.0851, 5e-5),
    ("multiplier, correlated .25", lambda: multiplier(0.25), 1.5385, 5e-5),
    ("multiplier, correlated .5", lambda: multiplier(0.5), 1.2752, 5e-5),
    ("breakout at the high", lambda: 20.0 * (breakout(110.0, 110.0, 90.0) or 0.0), 20.0, 0.0),
    ("efficiency of a line", lambda: efficiency([100.0 + i for i in range(21)]), 1.0, 0.0),
    ("efficiency of walks", efficiency_of_walks, 0.2236, 5e-3),
    ("expected maximum", lambda: expected_max_sharpe(100, deviation=math.sqrt(0.5 / 250)), 0.113172, 5e-7),
    (
        "deflated ratio",
        lambda: deflated_sharpe(
            2.5 / math.sqrt(250), periods=1250, skew=-3, kurtosis=10, trials=100, deviation=math.sqrt(0.5 / 250)
        ),
        0.900397,
        5e-7,
    ),
    (
        "probabilistic ratio",
        lambda: probabilistic_sharpe(0.036 / 0.079, periods=24, under_null=True),
        0.987207,
        5e-7,
    ),
    ("overfitting, noise", lambda: noise(0.0), 0.670635, 5e-7),
    ("overfitting, one that is good", lambda: noise(0.002), 0.0, 0.0),
]


@pytest.mark.parametrize(("compute", "expected", "tolerance"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS])
def test_figure(compute, expected, tolerance):
    assert compute() == pytest.approx(expected, abs=tolerance, rel=0.0)


def test_the_default_weights_are_those_of_the_figures():
    assert sorted(DEFAULT_WEIGHTS.values(), reverse=True) == [0.40, 0.15, 0.15, 0.10, 0.10, 0.05, 0.05, 0.0, 0.0]


def test_talibs_array_form_gives_the_same_rsi():
    assert rsi() == talib.RSI(CLOSES, timeperiod=14)[-2:].tolist()


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("strike", [60.0, 95.0, 100.0, 140.0])
@pytest.mark.parametrize(("years", "volatility", "rate"), [(0.01, 0.4, 0.0), (0.5, 0.2, 0.02), (2.0, 1.5, 0.05)])
def test_options_are_vollibs(is_call, strike, years, volatility, rate):
    flag = "c" if is_call else "p"
    of = {"strike": strike, "years": years, "volatility": volatility, "rate": rate}
    there = (strike, years, rate, volatility)
    assert price(forward=100.0, is_call=is_call, **of) == pytest.approx(black_oracle(flag, 100.0, *there), abs=1e-9)
    theirs = black_scholes_oracle(flag, 100.0, strike, years, rate, volatility)
    assert black_scholes(spot=100.0, is_call=is_call, **of) == pytest.approx(theirs, abs=1e-9)
    assert delta(forward=100.0, is_call=is_call, **of) == pytest.approx(
        delta_oracle(flag, 100.0, strike, years, rate, volatility), abs=1e-9
    )
    assert gamma(forward=100.0, **of) == pytest.approx(
        gamma_oracle(flag, 100.0, strike, years, rate, volatility), abs=1e-9
    )


def test_headlines_that_vader_is_deaf_to_are_heard():
    assert importlib.util.find_spec("vaderSentiment") is None
    for title in ("BTC to the moon", "bitcoin shorts liquidated, price rips higher"):
        assert (score(title) or 0.0) > 0.0
