import numpy as np
import pytest

from quant.features.rolling import Lagged, RollingQuantile


def test_quantile_and_rank_equal_those_of_the_window():
    xs = np.random.default_rng(5).normal(size=400).round(1)
    rolling = RollingQuantile(50)
    for i, x in enumerate(xs):
        rolling.push(float(x))
        window = xs[max(0, i - 49) : i + 1]
        assert rolling.quantile(0.05) == pytest.approx(np.quantile(window, 0.05), abs=1e-12)
        assert rolling.quantile(1.0) == window.max()
        rank = (np.mean(window < x) + np.mean(window <= x)) / 2
        assert rolling.rank(float(x)) == pytest.approx(rank, abs=1e-12)


def test_an_empty_window_knows_nothing():
    rolling = RollingQuantile(3)
    assert rolling.quantile(0.5) is None
    assert rolling.rank(1.0) is None


def test_a_window_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        RollingQuantile(0)


def test_lagged_gives_the_newest_that_is_old_enough():
    lagged = Lagged(10)
    for ts in range(0, 40, 4):
        lagged.push(ts, float(ts))
    assert lagged.get(36) == (12, 24.0)


def test_lagged_is_missing_when_too_young_or_after_a_silence():
    lagged = Lagged(10)
    assert lagged.get(5) is None
    lagged.push(0, 1.0)
    assert lagged.get(9) is None
    assert lagged.get(20) == (20, 1.0)
    assert lagged.get(21) is None
