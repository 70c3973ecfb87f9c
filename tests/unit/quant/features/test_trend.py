import numpy as np
import pytest
import talib

from quant.features.trend import EWMAC_SCALARS, Breakout, Ewmac, Trend, breakout
from tests.unit.quant.features.test_ew import explicit

PRICES = 100 + np.cumsum(np.random.default_rng(7).normal(0, 0.1, 700))


def test_breakout_at_the_high_is_full():
    assert breakout(110.0, 110.0, 90.0) == 1.0
    assert breakout(90.0, 110.0, 90.0) == -1.0
    assert breakout(100.0, 110.0, 90.0) == 0.0


def test_breakout_without_a_range_is_missing():
    assert breakout(100.0, 100.0, 100.0) is None
    assert breakout(100.0, None, None) is None


def test_a_straight_rise_is_a_full_breakout_when_smoothed_too():
    place = Breakout(20)
    values = [place.update(float(i)) for i in range(1, 60)]
    assert values[-1] == pytest.approx(1.0)


def arrays(prices):
    """Crossovers and breakouts by TA-Lib's array functions and numpy; scalars are the published ones, then learned."""
    n = len(prices)
    steps = np.diff(prices)
    sigma = np.full(n, np.nan)
    for i in range(10, n):
        sigma[i] = explicit(steps[:i], 1 - 2 / 36)[1]
    for i in range(n - 1, 10, -1):
        sigma[i] = max(sigma[i], np.quantile(sigma[max(10, i - 500) : i], 0.05))
    pairs = []
    for (fast, slow), prior in EWMAC_SCALARS.items():
        raw = (talib.EMA(prices, fast) - talib.EMA(prices, slow)) / sigma
        seen = np.concatenate(([0], np.cumsum(np.isfinite(raw))[:-1]))
        total = np.concatenate(([0], np.nancumsum(np.abs(raw))[:-1]))
        k = np.where(seen < 500, prior, 10 * seen / np.maximum(total, 1e-9))
        pairs.append(np.clip(k * raw, -20, 20) / 20)
    ewmac = np.clip(1.08 * np.nanmean(pairs, axis=0), -1, 1)
    places = []
    for bars in (20, 80):
        high, low = talib.MAX(prices, bars), talib.MIN(prices, bars)
        raw = 2 * (prices - (high + low) / 2) / (high - low)
        smooth, alpha = raw.copy(), 2 / (bars / 4 + 1)
        for i in range(bars, n):
            smooth[i] = smooth[i - 1] + alpha * (raw[i] - smooth[i - 1])
        places.append(smooth)
    place = np.nanmean(places, axis=0)
    return (ewmac + place) / 2, ewmac, place


@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
def test_streaming_equals_arrays():
    expected = arrays(PRICES)
    trend = Trend()
    for i, price in enumerate(PRICES):
        values = trend.update(float(price))
        if i >= 50:
            assert values == pytest.approx([column[i] for column in expected], rel=1e-10)


def test_peek_is_what_update_would_give_and_commits_nothing():
    trend = Trend()
    for i, price in enumerate(PRICES.tolist()):
        trend.peek(price * 1.01)
        peeked = trend.peek(price)
        updated = trend.update(price)
        # An average opens with the bar that completes it: the longest takes 128.
        if i >= 128:
            assert updated == peeked


def test_short_pairs_speak_before_long_ones():
    ewmac = Ewmac()
    values = [ewmac.update(float(p)) for p in PRICES[:64]]
    assert values[30] is None
    assert values[31] is not None


def test_prices_that_stand_still_have_no_trend():
    trend = Trend()
    assert {trend.update(5.0) for _ in range(200)} == {(None, None, None)}
