"""When a position must be left or an entry withdrawn, whatever the signals say."""

import uuid
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from bots.engine.books import Held, Working
from bots.engine.protection import ENTRY_RESTS_NS, cancel_reason, exit_reason_of, exit_words
from bots.trading.vocabulary import ExitReason, Ladder, Purpose, Side
from tests.unit.bots.engine.test_books import bot, held
from tests.unit.quant.market import START


def entry(**changes: Any) -> Working:
    values: dict[str, Any] = {
        "order_id": uuid.uuid4(), "instrument_id": 1, "symbol": "BTC/USDT", "purpose": Purpose.ENTRY, "side": Side.BUY,
        "decided_at_ns": START, "quantity": Decimal(1), "limit_price": Decimal(100), "is_resting": True,
    }  # fmt: skip
    return Working(**(values | changes))


@pytest.mark.parametrize(
    ("bid", "reason"),
    [(98.0, ExitReason.STOP_LOSS), (104.0, ExitReason.TAKE_PROFIT), (100.0, None)],
)
def test_stop_and_target_are_judged_exactly(bid: float, reason: ExitReason | None) -> None:
    assert exit_reason_of(bot(), held(), bid=bid, ask=bid + 0.01, reached=True) is reason


def test_a_request_comes_before_everything() -> None:
    found = held()
    found.position = msgspec.structs.replace(found.position, close_requested=True)
    assert exit_reason_of(bot(), found, bid=98.0, ask=98.01, reached=True) is ExitReason.MANUAL


def part_asked_for(**changes: Any) -> Held:
    found = held(**changes)
    found.position = msgspec.structs.replace(found.position, close_requested=True, close_to=Decimal(1))
    return found


def test_a_part_that_was_asked_for_is_left_and_nothing_more() -> None:
    assert exit_reason_of(bot(), part_asked_for(), bid=100.0, ask=100.01, reached=False) is ExitReason.MANUAL
    sold = part_asked_for(quantity=Decimal(1))
    assert exit_reason_of(bot(), sold, bid=100.0, ask=100.01, reached=False) is None
    rest_too_small = part_asked_for(quantity=Decimal("1.00001"))
    assert exit_reason_of(bot(), rest_too_small, bid=100.0, ask=100.01, reached=False) is None


def test_a_stop_goes_before_a_part_that_was_asked_for() -> None:
    assert exit_reason_of(bot(), part_asked_for(), bid=98.0, ask=98.01, reached=True) is ExitReason.STOP_LOSS


def test_a_stop_still_protects_what_is_left_of_a_part() -> None:
    left = part_asked_for(quantity=Decimal(1))
    assert exit_reason_of(bot(), left, bid=98.0, ask=98.01, reached=True) is ExitReason.STOP_LOSS


def test_flatten_leaves_at_any_price() -> None:
    found = bot()
    found.restrict(Ladder.FLATTEN, "kill switch")
    assert exit_reason_of(found, held(), bid=100.0, ask=100.01, reached=False) is ExitReason.FLATTEN


def test_reduce_does_not_close_anything() -> None:
    found = bot()
    found.restrict(Ladder.REDUCE, "drawdown")
    assert exit_reason_of(found, held(), bid=100.0, ask=100.01, reached=False) is None


@pytest.mark.parametrize("reason", [ExitReason.STOP_LOSS, ExitReason.TAKE_PROFIT, ExitReason.TRAILING_STOP])
def test_the_words_name_price_and_limit(reason: ExitReason) -> None:
    words = exit_words(held(), reason, 98.5)
    assert "98.5" in words
    assert "104" in words or "98" in words


def test_a_resting_entry_is_withdrawn_when_nobody_took_it_or_it_is_not_wanted_any_more() -> None:
    free, stopped, reduced = bot(), bot(state="stopped"), bot()
    reduced.restrict(Ladder.REDUCE, "drawdown")
    assert cancel_reason(free, entry(), START + ENTRY_RESTS_NS) == ""
    assert "minute" in cancel_reason(free, entry(), START + ENTRY_RESTS_NS + 1)
    assert "stopped" in cancel_reason(stopped, entry(), START)
    assert "exits" in cancel_reason(reduced, entry(), START)


@pytest.mark.parametrize("changes", [{"purpose": Purpose.EXIT}, {"is_resting": False}, {"cancel_requested": True}])
def test_exits_and_what_does_not_rest_are_left_alone(changes: dict[str, Any]) -> None:
    assert cancel_reason(bot(state="stopped"), entry(**changes), START + 10 * ENTRY_RESTS_NS) == ""
