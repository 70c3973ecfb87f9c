import numpy as np
import pytest
import talib

from quant.features.mean_reversion import MeanReversion
from quant.features.scale import NORMAL_SCALAR


def test_streaming_equals_arrays():
    prices = 100 + np.cumsum(np.random.default_rng(8).normal(0, 0.1, 300))
    distance = (prices - talib.SMA(prices, 20)) / talib.STDDEV(prices, 20)
    rsi = talib.RSI(prices, 14)
    fade = np.where(np.abs(distance) > 1, -np.clip(NORMAL_SCALAR * distance / 20, -1, 1), 0)
    expected = 0.5 * fade + 0.5 * np.clip(2 * (50 - rsi) / 50, -1, 1)
    reversion = MeanReversion()
    for i, price in enumerate(prices.tolist()):
        peeked = reversion.peek(price)
        score = reversion.update(price)
        if i < 19:
            assert score == (None, None, None)
        else:
            assert score == pytest.approx((expected[i], distance[i], rsi[i]), rel=1e-12)
            assert peeked in (score, (None, None, None))


def test_prices_that_stand_still_have_no_score():
    reversion = MeanReversion()
    assert {reversion.update(3.0) for _ in range(60)} == {(None, None, None)}


def test_a_fall_asks_for_a_rise():
    reversion = MeanReversion()
    scores = [reversion.update(price)[0] for price in [100.0, 100.1] * 20 + [99.0, 98.0]]
    assert scores[-1] is not None
    assert scores[-1] > 0.5
