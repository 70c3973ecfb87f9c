"""Signals that are only watched."""

from dataclasses import replace

import pytest

from quant.candidates import MAX_AGE_NS, VARIANCE_PREMIUM, VOLATILITY_RANK, Candidates
from quant.reading import Component
from quant.symbol_signals import SymbolSignals
from tests.unit.quant.market import START, walk
from tests.unit.quant.slow_market import HOUR, derivatives, implied

SYMBOLS = [f"{asset}/USDT" for asset in ("BTC", "ETH", "SOL", "XRP", "ADA")]


@pytest.fixture
def vectors():
    made = SymbolSignals(exchange="binance", symbol="BTC/USDT")
    made.warm_up(walk(60))
    return [
        replace(made.read(now_ns=START), symbol=symbol, sigma_annual=0.1 * (i + 1)) for i, symbol in enumerate(SYMBOLS)
    ]


def test_the_calmest_of_five_is_bought_and_the_wildest_sold(vectors):
    candidates = Candidates()
    said = [candidates.of(vector)[VOLATILITY_RANK] for vector in (*vectors, *vectors)]
    assert said[:4] == [None] * 4
    assert said[5:] == pytest.approx([1.0, 0.5, 0.0, -0.5, -1.0])


def test_equal_volatilities_share_their_rank(vectors):
    candidates = Candidates()
    same = [replace(vector, sigma_annual=0.3) for vector in vectors]
    assert [candidates.of(vector)[VOLATILITY_RANK] for vector in (*same, *same)][5:] == [0.0] * 5


def test_an_asset_counts_once_and_only_while_it_is_heard(vectors):
    candidates = Candidates()
    for vector in vectors:
        candidates.of(vector)
    twin = replace(vectors[0], symbol="BTC/USDT:USDT", sigma_annual=9.0)
    assert candidates.of(twin)[VOLATILITY_RANK] == -1.0
    late = replace(vectors[1], now_ns=START + MAX_AGE_NS + 1)
    assert candidates.of(late)[VOLATILITY_RANK] is None
    assert candidates.of(replace(vectors[2], sigma_annual=None))[VOLATILITY_RANK] is None


def test_the_variance_premium_is_scored_against_its_month():
    made = SymbolSignals(exchange="binance", symbol="BTC/USDT")
    made.warm_up(walk(60))
    assert Candidates().of(made.read(now_ns=START))[VARIANCE_PREMIUM] is None
    end = walk(60)[-1].ts_close
    month = [implied(end - i * HOUR, 0.9 if i == 1 else 0.5 + 0.01 * (i % 7)) for i in range(1, 30 * 24)]
    made.load_observations([*derivatives(35, end=end), *month])
    made.update(walk(61)[-1])
    said = Candidates().of(made.read(now_ns=end))[VARIANCE_PREMIUM]
    parts = made.read(now_ns=end).reading(Component.VOLATILITY).parts
    assert said == parts["variance_premium_tilt"]
    assert said == 1.0
