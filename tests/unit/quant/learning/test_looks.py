"""Watching a model for as long as one likes passes no more useless ones than one test does."""

import math
from statistics import NormalDist

import numpy as np

from quant.learning.looks import Looks, level_of


def test_all_looks_together_spend_five_percent():
    assert level_of(1) == 0.025
    assert math.isclose(sum(level_of(k) for k in range(1, 100_000)), 0.05, rel_tol=1e-4)


def test_a_look_waits_for_twice_the_trades():
    looks = Looks()
    assert not looks.is_due(29, least=30)
    looks = looks.after(30, 0.03)
    assert (looks.passed, looks.level, looks.is_due(59, least=30)) == (False, 0.025, False)
    looks = looks.after(60, 0.008)
    assert looks.passed
    assert not looks.is_due(10_000, least=30)


def test_useless_models_watched_after_every_trade_pass_one_time_in_twenty_at_the_most():
    rng = np.random.default_rng(2)
    passed = watched = 0
    for _ in range(600):
        sums = np.cumsum(rng.normal(size=3000))
        looks, p = Looks(), 1.0 - np.vectorize(NormalDist().cdf)(sums / np.sqrt(np.arange(1, 3001)))
        for trades in range(30, 3000, 5):
            if looks.is_due(trades, least=30):
                looks = looks.after(trades, float(p[trades - 1]))
        passed += looks.passed
        watched += bool((p[30::5] < 0.05).any())
    assert passed <= 0.06 * 600
    assert watched > 0.2 * 600
