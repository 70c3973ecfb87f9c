"""One bot's performance, from what it won and its curve so far."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bots.models import PerformanceSnapshot
from bots.monitor.performance import Curve, Money, as_event, measure

D = Decimal


def test_the_present_fall_is_from_the_best_ever_even_between_the_points_of_the_curve() -> None:
    measured = measure(
        D(1_000), Money(net_pnls=[D(50)]), Curve(results=[D(20), D(40)], peak=D(250), maximum_drawdown=0.1), step_s=300
    )
    assert measured.equity == 1_050
    assert measured.maximum_drawdown == pytest.approx(200 / 1_250)


def test_a_deeper_fall_of_before_stands() -> None:
    measured = measure(D(1_000), Money(net_pnls=[]), Curve(results=[D(0)], peak=D(10), maximum_drawdown=0.3), step_s=30)
    assert measured.maximum_drawdown == 0.3


def test_without_a_curve_the_peak_is_the_capital() -> None:
    measured = measure(D(1_000), Money(net_pnls=[D(-100)]), Curve(results=[]), step_s=30)
    assert measured.maximum_drawdown == pytest.approx(0.1)


def test_money_travels_as_text_and_unknown_ratios_as_null() -> None:
    row = PerformanceSnapshot(
        bot_id=7, at=datetime(2026, 3, 2, tzinfo=UTC), equity=D("2000.500000000000"), realised_pnl=D(0),
        unrealised_pnl=D("0.5"), fees=D(0), trades=0,
    )  # fmt: skip
    event = as_event(row)
    assert (event["bot_id"], event["equity"], event["at"]) == (7, "2000.5", "2026-03-02T00:00:00+00:00")
    assert event["sharpe"] is None
