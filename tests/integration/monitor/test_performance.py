"""Performance against numbers worked out by hand."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bots.models import Bot, PerformanceSnapshot, PerformanceState, Position, Standing, Trade
from bots.monitor.performance import compute_performance
from bots.trading.performance import YEAR_S
from tests.integration.monitor.scene import Scene

D = Decimal
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def make_trade(bot: Bot, instrument: Any, pnl: str, fees: str = "0.5") -> Trade:
    """A closed position of 1 at 100 that ended with `pnl` after fees."""
    before_fees = D(pnl) + D(fees)
    position = Position.objects.create(
        bot=bot, account=bot.account, instrument=instrument, side="buy", quantity=0, opened_quantity=1, entry_price=100,
        cost=0, exited_quantity=1, exit_price=100 + before_fees, realised_pnl=before_fees, fees=D(fees), stop_price=98,
        high_water_mark=100, opened_at=NOON, closed_at=NOON, exit_reason="signal",
    )  # fmt: skip
    net = D(pnl)
    standing, _ = Standing.objects.get_or_create(bot=bot)
    standing.trades, standing.wins = standing.trades + 1, standing.wins + (net > 0)
    standing.gained, standing.lost = standing.gained + max(net, D(0)), standing.lost + max(-net, D(0))
    standing.fees += D(fees)
    standing.save()
    return Trade.objects.create(
        position=position, bot=bot, instrument=instrument, side="buy", quantity=1, entry_price=100,
        exit_price=100 + before_fees, fees=D(fees), realised_pnl=D(pnl), exit_reason="signal", opened_at=NOON,
        closed_at=NOON,
    )  # fmt: skip


def mark(price: int, at: datetime) -> PerformanceSnapshot:
    Position.objects.open().update(mark_price=price, marked_at=at)
    return compute_performance(now=at)[0]


def test_equity_is_capital_and_what_was_won_and_what_stands_open(scene: Scene) -> None:
    cast = scene.cast
    for pnl in ("30", "-10", "12", "-6"):
        make_trade(cast.bot, cast.btc, pnl)
    # 0.003 bought at 100,000 for 300, with a fee of 0.000003 BTC (0.30): 0.002997 held, which cost 299.70.
    scene.hold()
    row = mark(101_000, NOON)
    assert row.unrealised_pnl == D("0.002997") * 101_000 - D("299.7") == D("2.997")
    assert row.realised_pnl == D(26) - D("0.3")
    assert row.fees == D("2.3")
    assert row.equity == D(2_000) + D("25.7") + D("2.997")
    assert (row.trades, row.win_rate, row.profit_factor) == (4, 0.5, 42 / 16)
    assert (row.sharpe, row.sortino, row.maximum_drawdown) == (None, None, 0.0)
    stored = PerformanceSnapshot.objects.get()
    assert (stored.bot_id, stored.at, stored.equity) == (cast.bot.pk, NOON, row.equity)


def test_ratios_and_drawdown_follow_the_equity(scene: Scene) -> None:
    """Equity goes 2000, 2010, 2000, 2010 …: returns of +0.5 % and -1/201 in turn."""
    bot = scene.cast.bot
    make_trade(bot, scene.cast.btc, "10")
    row = PerformanceSnapshot()
    for number in range(21):
        Standing.objects.update(gained=10 if number % 2 else 0)
        row = compute_performance(now=NOON + timedelta(seconds=30 * number))[0]
    up, down = 10 / 2000, -10 / 2010
    mean = (up + down) / 2
    deviation = math.sqrt(10 * ((up - mean) ** 2 + (down - mean) ** 2) / 19)
    year = math.sqrt(YEAR_S / 30)
    assert row.sharpe == pytest.approx(mean / deviation * year)
    assert row.sortino == pytest.approx(mean / math.sqrt(down**2 / 2) * year)
    assert row.maximum_drawdown == pytest.approx(10 / 2010)


def test_a_drawdown_is_remembered_and_a_new_capital_is_no_gain(scene: Scene) -> None:
    make_trade(scene.cast.bot, scene.cast.btc, "200")
    compute_performance(now=NOON)
    Standing.objects.update(gained=0, lost=20)
    fallen = compute_performance(now=NOON + timedelta(seconds=30))[0]
    assert fallen.maximum_drawdown == pytest.approx(220 / 2200)
    Bot.objects.update(capital=20_000)
    later = compute_performance(now=NOON + timedelta(seconds=60))[0]
    assert later.equity == 19_980
    assert later.maximum_drawdown == pytest.approx(220 / 2200)


def test_owners_hear_of_it_after_the_commit(scene: Scene) -> None:
    compute_performance(now=NOON)
    told = scene.told("performanceUpdate")
    assert [(data["bot_id"], data["equity"], data["at"]) for data in told] == [
        (scene.cast.bot.pk, "2000", NOON.isoformat())
    ]


def test_a_redelivered_run_writes_nothing(scene: Scene) -> None:
    assert len(compute_performance(now=NOON)) == 1
    assert compute_performance(now=NOON + timedelta(seconds=3)) == []
    assert len(compute_performance(now=NOON + timedelta(seconds=30))) == 1


def test_stopped_bots_count_only_while_they_hold_something(scene: Scene) -> None:
    Bot.objects.update(state="stopped")
    assert compute_performance(now=NOON) == []
    Bot.objects.update(state="running")
    scene.hold()
    Bot.objects.update(state="stopped")
    assert len(compute_performance(now=NOON)) == 1


def test_the_best_result_since_the_baseline_is_kept_for_the_gate_and_a_new_baseline_stays(scene: Scene) -> None:
    bot = scene.cast.bot
    make_trade(bot, scene.cast.btc, "50")
    compute_performance(now=NOON)
    Standing.objects.update(gained=30)
    compute_performance(now=NOON + timedelta(seconds=30))
    state = PerformanceState.objects.get(bot=bot)
    assert (state.baseline_peak, state.peak_result) == (D(50), D(50))
    PerformanceState.objects.update(baseline_peak=D(30))
    compute_performance(now=NOON + timedelta(seconds=60))
    state.refresh_from_db()
    assert (state.baseline_peak, state.peak_result) == (D(30), D(50))
