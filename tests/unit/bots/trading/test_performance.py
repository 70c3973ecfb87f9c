"""Figures of a record that can be worked out by hand, and None where there is nothing to say."""

import math
from decimal import Decimal

import numpy as np
import pytest

from bots.trading.performance import (
    YEAR_S,
    maximum_drawdown,
    profit_factor,
    returns_of,
    sharpe,
    sortino,
    summarise,
    win_rate,
)

D = Decimal


def test_without_trades_nothing_is_claimed() -> None:
    summary = summarise(
        capital=D(1000), net_pnls=[], open_realised=D(0), unrealised=D(0), fees=D(0), equity_curve=[], period_s=30
    )
    assert summary.equity == 1000
    assert (summary.win_rate, summary.profit_factor, summary.sharpe, summary.sortino) == (None, None, None, None)
    assert summary.maximum_drawdown == 0


def test_money_is_exact_and_counts_open_positions() -> None:
    summary = summarise(
        capital=D(1000), net_pnls=[D("10.1"), D("-3.3")], open_realised=D("0.2"), unrealised=D("-5"), fees=D("1.5"),
        equity_curve=[D(1000), D(1010)], period_s=30,
    )  # fmt: skip
    assert summary.realised_pnl == D("7.0")
    assert summary.equity == D("1002.0")
    assert summary.win_rate == 0.5
    assert summary.profit_factor == pytest.approx(10.1 / 3.3)
    assert summary.maximum_drawdown == pytest.approx(8 / 1010)


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


def test_only_gains_or_nothing_have_no_profit_factor() -> None:
    assert profit_factor([D(5)]) is None
    assert win_rate([D(5), D(0)]) == 0.5


def test_a_ruined_account_has_no_ratios() -> None:
    summary = summarise(
        capital=D(10), net_pnls=[D(-20)], open_realised=D(0), unrealised=D(0), fees=D(0), equity_curve=[D(10)] * 30,
        period_s=30,
    )  # fmt: skip
    assert summary.sharpe is None
