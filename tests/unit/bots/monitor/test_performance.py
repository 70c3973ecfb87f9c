"""One bot's performance, from what it won and how its result ran so far."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bots.models import PerformanceSnapshot, PerformanceState
from bots.monitor.performance import as_event, followed
from bots.trading.performance import Totals

D = Decimal
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def state(**changes: object) -> PerformanceState:
    values = {"peak_result": D(250), "maximum_drawdown": 0.1, "sampled_result": D(40), "returns": 5}
    return PerformanceState(**values | {"sampled_at": NOW - timedelta(seconds=30)} | changes)


def test_the_present_fall_is_from_the_best_ever() -> None:
    found = followed(D(1_000), Totals(gained=D(50)), state(), now=NOW)
    assert found.maximum_drawdown == pytest.approx(200 / 1_250)
    assert (found.returns, found.elapsed_s) == (6, 30)


def test_a_deeper_fall_of_before_stands() -> None:
    assert followed(D(1_000), Totals(), state(maximum_drawdown=0.3), now=NOW).maximum_drawdown == 0.3


def test_without_a_past_the_peak_is_the_capital() -> None:
    found = followed(D(1_000), Totals(lost=D(100)), None, now=NOW)
    assert found.maximum_drawdown == pytest.approx(0.1)
    assert found.returns == 0


def test_a_week_without_a_look_is_one_return_of_one_period_or_none() -> None:
    old = state(sampled_at=NOW - timedelta(days=7))
    changed = followed(D(1_000), Totals(gained=D(92)), old, now=NOW)
    assert (changed.returns, changed.elapsed_s) == (6, 30)
    assert followed(D(1_000), Totals(gained=D(40)), old, now=NOW).returns == 5


def test_money_travels_as_text_and_unknown_ratios_as_null() -> None:
    row = PerformanceSnapshot(
        bot_id=7, at=datetime(2026, 3, 2, tzinfo=UTC), equity=D("2000.500000000000"), realised_pnl=D(0),
        unrealised_pnl=D("0.5"), fees=D(0), trades=0,
    )  # fmt: skip
    event = as_event(row)
    assert (event["bot_id"], event["equity"], event["at"]) == (7, "2000.5", "2026-03-02T00:00:00+00:00")
    assert event["sharpe"] is None
