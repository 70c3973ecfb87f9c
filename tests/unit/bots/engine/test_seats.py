"""When each bot of a symbol is due to be asked."""

from typing import Any

import numpy as np
import pytest

from bots.engine.books import AccountBooks, BotBooks
from bots.engine.seats import RETRY_NS, SECOND_NS, Due, Seats, interval_slot
from bots.trading.decide import Standing
from bots.trading.records import LeaseToken
from bots.trading.vocabulary import Trigger
from quant.symbol_signals import SymbolSignals
from tests.benchmarks.engine import bot_config
from tests.unit.quant.market import IDS, START, bar

MINUTE_NS = 60 * SECOND_NS
COLUMNS = SymbolSignals(**IDS, timeframes=("1m", "5m")).columns


def seats_of(*changes: dict[str, Any]) -> Seats:
    seats = Seats()
    for number, change in enumerate(changes, start=1):
        config = bot_config(number, **change)
        bot = BotBooks(
            config=config,
            token=LeaseToken(bot_id=number, holder="test", epoch=1),
            account=AccountBooks(config=config.account),
        )
        seats.add(bot, config.instruments[0], now_ns=START)
    seats.rebuild(COLUMNS, traditional_weight=0.5, quant_weight=0.5)
    return seats


def every(seconds: int) -> dict[str, Any]:
    return {"evaluation": "interval", "interval_s": seconds}


def test_slots_are_aligned_to_the_epoch() -> None:
    assert interval_slot(START + 44 * SECOND_NS, 45 * SECOND_NS) % (45 * SECOND_NS) == 0
    assert interval_slot(90 * SECOND_NS, 45 * SECOND_NS) == 90 * SECOND_NS


def test_a_bot_of_every_n_seconds_is_due_once_in_each_slot() -> None:
    seats = seats_of(every(5))
    first = seats.due(START + 1)
    assert [due.trigger for due in first] == [Trigger.INTERVAL]
    assert seats.due(START + 2) == []
    again = seats.due(first[0].slot + 5 * SECOND_NS)
    assert again[0].slot == first[0].slot + 5 * SECOND_NS


def test_a_slot_that_brought_no_tick_is_not_made_up_for() -> None:
    seats = seats_of(every(5))
    seats.due(START)
    assert len(seats.due(START + 60 * SECOND_NS)) == 1


def test_bots_of_different_intervals_do_not_wait_for_each_other() -> None:
    seats = seats_of(every(60), every(5))
    seats.due(START)
    assert [due.index for due in seats.due(START + 6 * SECOND_NS)] == [1]


def test_a_closed_bar_of_its_shortest_timeframe_makes_a_bot_due_at_the_next_tick() -> None:
    seats = seats_of({"evaluation": "bar_close", "timeframes": {"1m": 1.0, "5m": 1.0}})
    assert seats.due(START) == []
    closed = bar(0, 100.0)
    seats.on_bar(closed, closed.ts_close + 1)
    assert seats.due(closed.ts_close + 2) == [Due(index=0, trigger=Trigger.BAR_CLOSE, slot=closed.ts_close)]
    assert seats.due(closed.ts_close + 3) == []
    seats.on_bar(bar(0, 100.0, timeframe="5m"), closed.ts_close + 4)
    assert seats.due(closed.ts_close + 5) == []


def test_a_bar_of_a_venue_whose_clock_is_ahead_makes_its_bots_due() -> None:
    seats = seats_of({"evaluation": "bar_close"})
    closed = bar(0, 100.0)
    seats.on_bar(closed, closed.ts_close - 50_000_000)
    assert [due.slot for due in seats.due(closed.ts_close - 40_000_000)] == [closed.ts_close]


def test_a_bar_from_history_makes_nobody_due() -> None:
    seats = seats_of({"evaluation": "bar_close"})
    old = bar(0, 100.0)
    seats.on_bar(old, old.ts_close + MINUTE_NS)
    assert seats.due(old.ts_close + MINUTE_NS) == []


@pytest.mark.parametrize("state", ["stopped", "error"])
def test_a_bot_that_does_not_run_is_never_asked(state: str) -> None:
    seats = seats_of(every(5) | {"state": state}, {"state": state})
    assert seats.due(START) == []
    assert len(seats.on_tick) == 0


def test_a_paused_bot_is_asked_so_that_it_can_leave() -> None:
    assert len(seats_of(every(5) | {"state": "paused"}).due(START)) == 1


def test_weights_that_cannot_be_used_are_named_and_their_bot_is_left_out() -> None:
    seats = seats_of({"component_weights": {"technical": 0.0}}, {})
    assert "weights" in seats.unusable[1]
    assert seats.on_tick.tolist() == [1]


def codes(*values: Standing) -> Any:
    return np.array(values, dtype=np.int8)


def test_on_a_tick_only_bots_whose_answer_changed_are_worth_asking() -> None:
    seats = seats_of({}, {})
    quiet = codes(Standing.NOT_CONFIDENT, Standing.NOT_CONFIDENT)
    assert seats.worth_asking(quiet, START).tolist() == [0, 1]
    seats.last_code[:] = quiet
    assert seats.worth_asking(quiet, START).tolist() == []
    assert seats.repeated.tolist() == [1, 1]
    assert seats.worth_asking(codes(Standing.NOT_CONFIDENT, Standing.SHORT), START).tolist() == [1]


def test_a_bot_that_may_act_is_asked_again_until_refused_and_then_a_little_later() -> None:
    seats = seats_of({})
    wants = codes(Standing.ENTRY)
    seats.last_code[:] = wants
    assert seats.worth_asking(wants, START).tolist() == [0]
    seats.retry_later(0, START)
    assert seats.worth_asking(wants, START + RETRY_NS - 1).tolist() == []
    assert seats.worth_asking(wants, START + RETRY_NS).tolist() == [0]


def test_who_holds_as_before_speaks_now_and_then_and_never_about_an_entry() -> None:
    seats = seats_of({}, {})
    seats.last_code[:] = found = codes(Standing.HOLDING, Standing.ENTRY)
    seats.next_tell_ns[:] = START
    assert seats.worth_telling(found, START - 1).tolist() == []
    assert seats.worth_telling(found, START).tolist() == [0]
