"""Figures of a record that can be worked out by hand, and None where there is nothing to say."""

import math
from decimal import Decimal

import numpy as np
import pytest

from bots.trading.performance import (
    YEAR_S,
    Totals,
    Track,
    advance,
    maximum_drawdown,
    returns_of,
    sharpe,
    sortino,
    summarise,
)

D = Decimal


def run(results: list[str], *, capital: int = 1000, step_s: float = 30) -> Track:
    track = Track()
    for number, result in enumerate(results):
        track = advance(track, capital=D(capital), result=D(result), elapsed_s=step_s if number else 0)
    return track


def test_without_trades_nothing_is_claimed() -> None:
    summary = summarise(capital=D(1000), totals=Totals(), track=run(["0"]))
    assert summary.equity == 1000
    assert (summary.win_rate, summary.profit_factor, summary.sharpe, summary.sortino) == (None, None, None, None)
    assert summary.maximum_drawdown == 0


def test_money_is_exact_and_counts_open_positions() -> None:
    totals = Totals(
        trades=2, wins=1, gained=D("10.1"), lost=D("3.3"), fees=D("1.5"), open_realised=D("0.2"), unrealised=D(-5)
    )
    summary = summarise(capital=D(1000), totals=totals, track=run(["0", "10", "2"]))
    assert summary.realised_pnl == D("7.0")
    assert summary.equity == D("1002.0")
    assert summary.win_rate == 0.5
    assert summary.profit_factor == pytest.approx(10.1 / 3.3)
    assert summary.maximum_drawdown == pytest.approx(8 / 1010)


def test_moments_kept_as_they_come_equal_ratios_over_all_returns() -> None:
    rng = np.random.default_rng(3)
    results = [f"{value:.6f}" for value in np.cumsum(rng.normal(0.2, 5, 3_000))]
    track = run(results, capital=2_000, step_s=60)
    equity = 2_000 + np.array([float(result) for result in results])
    returns = returns_of(equity)
    assert track.returns == len(returns)
    assert track.sharpe == pytest.approx(sharpe(returns, period_s=60))
    assert track.sortino == pytest.approx(sortino(returns, period_s=60))
    assert track.maximum_drawdown == pytest.approx(maximum_drawdown(np.concatenate([[2_000], equity])))


def test_another_capital_is_no_gain() -> None:
    track = run(["0", "10"])
    assert advance(track, capital=D(50_000), result=D(10), elapsed_s=30).mean == pytest.approx(0.01 / 2)


def test_ratios_equal_their_definitions() -> None:
    returns = np.tile([0.01, -0.005, 0.002], 10)
    years = math.sqrt(YEAR_S / 3600)
    assert sharpe(returns, period_s=3600) == pytest.approx(returns.mean() / returns.std(ddof=1) * years)
    downside = math.sqrt((0.005**2) / 3)
    assert sortino(returns, period_s=3600) == pytest.approx(returns.mean() / downside * years)


def test_few_or_constant_returns_give_no_ratio() -> None:
    assert sharpe(np.full(19, 0.01), period_s=30) is None
    assert sharpe(np.zeros(30), period_s=30) is None
    assert sortino(np.full(30, 0.01), period_s=30) is None


def test_drawdown_is_from_the_highest_point_before() -> None:
    assert maximum_drawdown(np.array([100.0, 120.0, 90.0, 130.0, 117.0])) == pytest.approx(0.25)
    assert returns_of(np.array([100.0, 110.0])) == pytest.approx([0.1])


def test_a_ruined_account_has_no_returns() -> None:
    assert run(["-20"] * 30, capital=10).sharpe is None
    assert run(["-20"] * 30, capital=10).returns == 0
