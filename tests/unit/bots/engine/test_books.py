"""What an engine remembers of positions, results and limits."""

import uuid
from decimal import Decimal
from typing import Any

from bots.engine.books import AccountBooks, BotBooks, Held, Working
from bots.orders.load import BotResults
from bots.orders.times import DAY_NS
from bots.trading.records import LeaseToken, PositionState
from bots.trading.vocabulary import Ladder, Purpose, Side
from tests.benchmarks.engine import bot_config
from tests.unit.quant.market import START

D = Decimal
CONFIG = bot_config(1)


def position(**changes: Any) -> PositionState:
    values: dict[str, Any] = {
        "position_id": 7, "bot_id": 1, "instrument_id": 1, "side": Side.BUY, "quantity": D(2), "entry_price": D(100),
        "stop_price": D(98), "target_price": D(104), "trailing_stop": D(0), "high_water_mark": D(100),
        "realised_pnl": D(0), "fees": D("0.2"), "opened_at_ns": START, "cost": D(200), "opened_quantity": D(2),
    }  # fmt: skip
    return PositionState(**(values | changes))


def held(**changes: Any) -> Held:
    return Held(position=position(**changes), rules=CONFIG.instruments[0], mark=D(100))


def bot(**changes: Any) -> BotBooks:
    account = AccountBooks(config=CONFIG.account, cash=D(10_000))
    found = BotBooks(
        config=bot_config(1, **changes), token=LeaseToken(bot_id=1, holder="test", epoch=1), account=account
    )
    account.bots[1] = found
    return found


def test_a_stop_and_a_target_are_noticed_at_their_price() -> None:
    found = held()
    assert not found.see(98.01)
    assert found.see(98.0)
    assert found.see(104.0)


def test_a_short_is_watched_from_the_other_side() -> None:
    found = held(side=Side.SELL, stop_price=D(102), target_price=D(96))
    assert not found.see(101.99)
    assert found.see(102.0)
    assert found.see(96.0)


def test_a_position_without_a_target_never_reaches_it() -> None:
    assert not held(target_price=None).see(1e9)


def test_a_trailing_stop_rises_with_the_best_price_and_never_falls() -> None:
    found = held(trailing_stop=D("0.01"), target_price=None)
    found.see(110.0)
    assert found.position.stop_price == D("108.9")
    found.see(109.0)
    assert found.position.stop_price == D("108.9")
    assert found.see(108.9)


def test_a_row_that_knows_less_than_memory_does_not_loosen_the_stop() -> None:
    found = held(trailing_stop=D("0.01"), target_price=None)
    found.see(110.0)
    found.take(position(trailing_stop=D("0.01"), target_price=None, quantity=D(1)))
    assert found.position.quantity == D(1)
    assert found.position.stop_price == D("108.9")


def test_equity_is_capital_and_results_and_open_positions_after_fees() -> None:
    found = bot()
    found.closed_total = D(5)
    found.positions[1] = held()
    found.positions[1].mark = D(103)
    assert found.equity == found.config.limits.capital + D(5) + D(6) - D("0.2")


def test_results_loaded_with_an_open_position_are_not_counted_twice() -> None:
    found = bot()
    found.positions[1] = held()
    results = BotResults(
        realised_today=D(1), realised_week=D(2), realised_total=D("9.8"), peak_equity=D(2010), trades_today=3,
        recent_entries=(),
    )  # fmt: skip
    found.load_results(results, START)
    assert found.closed_total == D(10)
    assert found.equity == found.config.limits.capital + D("9.8")


def test_a_new_day_forgets_the_day_but_not_the_week() -> None:
    found = bot()
    found.roll(START)
    found.realised_today, found.realised_week, found.trades_today = D(-5), D(-9), 4
    found.alerted.add("daily_loss")
    found.roll(START + DAY_NS)
    assert not any((found.realised_today, found.trades_today, found.alerted))
    assert found.realised_week in (D(-9), D(0))
    found.realised_week = D(-9)
    found.roll(START + 8 * DAY_NS)
    assert found.realised_week == 0


def test_a_live_entry_counts_as_a_position_and_at_its_worst_value() -> None:
    found = bot()
    order = Working(
        order_id=uuid.uuid4(), instrument_id=2, symbol="ETH/USDT", purpose=Purpose.ENTRY, side=Side.BUY,
        decided_at_ns=START, quantity=D(2), limit_price=D(50),
    )  # fmt: skip
    found.orders[order.order_id] = order
    found.positions[1] = held()
    state = found.risk_state(2)
    assert state.open_positions == 2
    assert state.symbol_exposure == 100
    assert state.gross_exposure == 300
    assert not state.has_position
    assert found.risk_state(1).has_position


def test_a_paused_bot_is_restricted_and_a_tighter_ladder_wins() -> None:
    found = bot(state="paused")
    assert str(found.restriction.ladder) == "pause"
    found.restrict(Ladder.REDUCE, "drawdown")
    assert str(found.restriction.ladder) == "reduce"
