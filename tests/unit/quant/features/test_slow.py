import math

import numpy as np
import pytest

from quant.features.slow import DAY_NS, HOUR_NS, MINUTE_NS, History, Part, SeriesLock

ONE, OTHER = ("binance-futures", "BTC"), ("kucoin", "BTC/USDT:USDT")


def test_scores_equal_their_definition():
    rng = np.random.default_rng(5)
    xs, ts = rng.normal(3, 2, 400), np.cumsum(rng.uniform(1, 2, 400) * HOUR_NS).astype(int)
    history = History(tau_days=30.0, every_s=60.0)
    for i, (t, x) in enumerate(zip(ts.tolist(), xs.tolist(), strict=True)):
        z = history.score(t, x)
        if t - ts[0] < 7 * DAY_NS + 2 * HOUR_NS:
            assert z is None or t - ts[0] > 7 * DAY_NS
            continue
        weights = np.exp(-(ts[i - 1] - ts[:i]) / DAY_NS / 30.0)
        mean = np.average(xs[:i], weights=weights)
        spread = weights.sum() - (weights**2).sum() / weights.sum()
        sigma = math.sqrt((weights * (xs[:i] - mean) ** 2).sum() / spread)
        assert z == pytest.approx(np.clip((x - mean) / sigma, -4, 4), rel=1e-9)


def test_it_learns_no_faster_than_told():
    slow, fast = History(tau_days=30.0, every_s=3600.0), History(tau_days=30.0, every_s=3600.0)
    for i in range(24 * 8):
        slow.score(i * HOUR_NS, math.sin(i))
        fast.score(i * HOUR_NS, math.sin(i))
        for k in range(1, 50):
            fast.score(i * HOUR_NS + k * MINUTE_NS, 99.0)
    assert fast.count == slow.count == 24 * 8
    assert fast.score(9 * DAY_NS, 0.5) == slow.score(9 * DAY_NS, 0.5)


def test_quality_grows_with_the_past():
    history = History(tau_days=30.0, every_s=1.0)
    seen = {}
    for day in range(60):
        history.score(day * DAY_NS, float(day % 3))
        seen[day] = history.quality
    assert seen[6] == 0.0
    assert seen[7] == 0.5
    assert seen[30] == seen[59] == 1.0
    assert 0.5 < seen[18] < 1.0


def test_a_past_that_never_moved_scores_nothing():
    history = History(tau_days=30.0, every_s=1.0)
    for day in range(20):
        assert history.score(day * DAY_NS, 5.0) is None
    assert history.score(21 * DAY_NS, 6.0) is None


def test_the_first_series_is_followed_until_it_is_silent():
    lock = SeriesLock(12 * MINUTE_NS)
    assert lock.follows(ONE, MINUTE_NS)
    assert not lock.follows(ONE, MINUTE_NS)
    assert not lock.follows(OTHER, 2 * MINUTE_NS)
    assert lock.follows(ONE, 3 * MINUTE_NS)
    assert not lock.follows(OTHER, 15 * MINUTE_NS)
    assert lock.follows(OTHER, 16 * MINUTE_NS)
    assert not lock.follows(ONE, 17 * MINUTE_NS)
    assert lock.changes == 1


def test_a_part_is_believed_for_a_while():
    part = Part(MINUTE_NS)
    assert part.at(2 * MINUTE_NS) is None
    part.set(5 * MINUTE_NS, 0.3)
    assert part.at(6 * MINUTE_NS) == 0.3
    assert part.at(6 * MINUTE_NS + 1) is None
