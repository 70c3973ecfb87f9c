import math

import numpy as np
import pytest

from quant.features.lead_lag import LAGS, LeadLag, hayashi_yoshida

RNG = np.random.default_rng(11)


def led(n=1200, delay=2, noise=0.2, seed=1):
    rng = np.random.default_rng(seed)
    leader = rng.normal(0, 1e-4, n)
    follower = np.concatenate((np.zeros(delay), leader[:-delay])) + rng.normal(0, noise * 1e-4, n)
    return leader, follower


def test_it_learns_who_leads():
    leader, follower = led()
    model = LeadLag()
    forecasts = []
    for x, y in zip(leader.tolist(), follower.tolist(), strict=True):
        forecasts.append(model.forecast)
        model.step(x, y)
    assert forecasts[LAGS + 200] is None
    told = np.array(forecasts[700:], dtype=float)
    assert np.corrcoef(told, follower[700:])[0, 1] > 0.9


def test_it_equals_weighted_least_squares():
    leader, follower = led(400)
    model = LeadLag()
    for x, y in zip(leader.tolist(), follower.tolist(), strict=True):
        model.step(x, y)
    rows = np.array([leader[i - LAGS : i][::-1] for i in range(LAGS, 400)])
    weights = 0.999 ** np.arange(len(rows) - 1, -1, -1)
    normal = rows.T @ (weights[:, None] * rows) + 0.999 ** len(rows) / 1e6 * np.eye(LAGS)
    beta = np.linalg.solve(normal, rows.T @ (weights * follower[LAGS:]))
    assert model.forecast == pytest.approx(float(beta @ leader[-LAGS:][::-1]), rel=1e-6)


def test_a_leader_that_stands_still_leaves_finite_numbers():
    model = LeadLag()
    for i in range(40_000):
        model.step(0.0, 1e-4 * math.sin(i))
    model.step(1.0, 1.0)
    assert model.forecast is None or math.isfinite(model.forecast)


def test_hayashi_yoshida_finds_the_delay():
    rng = np.random.default_rng(3)
    grid = np.cumsum(rng.normal(0, 1e-4, 40_000))
    delay_ns = 300_000_000
    leader_ns = np.sort(rng.choice(40_000, 6000, replace=False)) * 10_000_000
    follower_ns = np.sort(rng.choice(40_000, 6000, replace=False)) * 10_000_000
    leader = np.exp(grid[leader_ns // 10_000_000])
    follower = np.exp(grid[np.maximum(follower_ns - delay_ns, 0) // 10_000_000])
    at = {
        lag: hayashi_yoshida(leader_ns, leader, follower_ns, follower, lag_ns=lag * 100_000_000) for lag in range(-6, 7)
    }
    assert max(at, key=lambda lag: at[lag]) == 3
    assert at[3] > 0.9


def test_hayashi_yoshida_equals_the_sum_over_overlaps():
    leader_ns, follower_ns = np.array([0, 3, 5, 9]), np.array([1, 4, 8, 10])
    leader, follower = np.exp(RNG.normal(0, 1, 4)), np.exp(RNG.normal(0, 1, 4))
    one, other = np.diff(np.log(leader)), np.diff(np.log(follower))
    total = sum(
        one[i] * other[j]
        for i in range(3)
        for j in range(3)
        if max(leader_ns[i], follower_ns[j]) < min(leader_ns[i + 1], follower_ns[j + 1])
    )
    expected = total / math.sqrt((one @ one) * (other @ other))
    assert hayashi_yoshida(leader_ns, leader, follower_ns, follower, lag_ns=0) == pytest.approx(expected)


def test_without_a_move_there_is_no_correlation():
    ts, still = np.arange(5), np.ones(5)
    assert math.isnan(hayashi_yoshida(ts, still, ts, still, lag_ns=0))
