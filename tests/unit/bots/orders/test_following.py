"""What each answer of a venue proves of one order, and what is asked next."""

from decimal import Decimal
from typing import Any

import pytest

from bots.brokers.venue import Outcome
from bots.orders.venue.absence import Look
from bots.orders.venue.following import Ask, Followed
from bots.trading.transitions import transitions
from bots.trading.vocabulary import OrderState, OrderType
from tests.unit.bots.orders.cast import SIGNED_MS, D, an_order, answer, seen, traded

S, MARKET, LIMIT = OrderState, OrderType.MARKET, OrderType.LIMIT
NOW = SIGNED_MS + 100
OVER = SIGNED_MS + 2_000 + 11_000 + 2_000


def record(followed: Followed, reports: list[Any], now_ms: int = NOW) -> list[OrderState]:
    """Take reports into the books as the order path does; gives the states that were reported."""
    for report in reports:
        fills = [fill for fill in report.fills if fill.trade_id not in followed._booked]
        total = sum(followed._booked.values(), D(0)) + sum((fill.quantity for fill in fills), D(0))
        path = transitions(
            followed.state, report.state, new_fills=bool(fills), has_fills=total > 0,
            complete=total == followed.order.plan.quantity,
        )  # fmt: skip
        state = path[-1] if path else followed.state
        followed.recorded(state, [fill.trade_id for fill in report.fills], now_ms=now_ms)
    return [report.state for report in reports]


CASES = [
    # what was sent, the answer, states reported, state in the books
    (LIMIT, answer(Outcome.FOUND), "open", D(0), (), [S.OPEN], S.OPEN),
    (LIMIT, answer(Outcome.FOUND), "filled", D("0.5"), ("0.5",), [S.FILLED], S.FILLED),
    (LIMIT, answer(Outcome.FOUND), "filled", D("0.5"), (), [S.OPEN], S.OPEN),
    (LIMIT, answer(Outcome.FOUND), "filled", D("0.5"), ("0.2",), [S.PARTIAL], S.PARTIAL),
    (LIMIT, answer(Outcome.FOUND), "canceled", D("0.2"), ("0.2",), [S.CANCELED], S.CANCELED),
    (LIMIT, answer(Outcome.FOUND), "canceled", D("0.2"), (), [S.OPEN], S.OPEN),
    (LIMIT, answer(Outcome.FOUND), "expired", D(0), (), [S.EXPIRED], S.EXPIRED),
    (LIMIT, answer(Outcome.FOUND), "rejected", D(0), (), [S.REJECTED], S.REJECTED),
    (MARKET, answer(Outcome.FOUND), "canceled", D(0), (), [S.EXPIRED], S.EXPIRED),
    (MARKET, answer(Outcome.FOUND), "expired", D("0.1"), ("0.1",), [S.EXPIRED], S.EXPIRED),
    (MARKET, answer(Outcome.FOUND), "filled", D("0.5"), ("0.3", "0.2"), [S.FILLED], S.FILLED),
    (LIMIT, answer(Outcome.REJECTED, code="-2010"), None, D(0), (), [S.REJECTED], S.REJECTED),
    (LIMIT, answer(Outcome.UNCLEAR), None, D(0), (), [S.UNKNOWN], S.UNKNOWN),
    (LIMIT, answer(Outcome.NOT_FOUND), None, D(0), (), [S.UNKNOWN], S.UNKNOWN),
    (LIMIT, answer(Outcome.FOUND), None, D(0), (), [S.UNKNOWN], S.UNKNOWN),
    (LIMIT, answer(Outcome.NOT_SENT), None, D(0), (), [S.UNKNOWN, S.ABSENT], S.ABSENT),
]


@pytest.mark.parametrize(("kind", "said", "state", "filled", "trades", "reported", "books"), CASES)
def test_an_answer_to_a_sending(kind, said, state, filled, trades, reported, books):
    order = an_order(order_type=kind)
    followed = Followed(order)
    if state is not None:
        told = [traded(order, f"t{n}", D(quantity)) for n, quantity in enumerate(trades)]
        said = answer(Outcome.FOUND, seen(order, S(state), filled), *told)
    assert record(followed, followed.placed(said, NOW)) == reported
    assert followed.state is books


def test_a_filled_order_without_its_trades_waits_for_them_and_asks():
    order = an_order(order_type=MARKET)
    followed = Followed(order)
    record(followed, followed.placed(answer(Outcome.FOUND, seen(order, S.FILLED, D("0.5"))), NOW))
    assert followed.awaits_trades
    assert followed.due(NOW) is Ask.TRADES
    followed.asked()
    assert followed.traded([], NOW) == []
    assert followed.unclear_since_ms == NOW
    followed.asked()
    reports = followed.traded([traded(order, "a", D("0.3")), traded(order, "b", D("0.2"))], NOW + 60_000)
    assert record(followed, reports) == [S.FILLED]
    assert sum((fill.quantity for fill in reports[0].fills), Decimal(0)) == D("0.5")
    assert followed.is_done
    assert followed.unclear_since_ms is None


def test_an_old_acknowledgement_after_the_end_changes_nothing():
    order = an_order()
    followed = Followed(order, state=S.OPEN)
    canceled = followed.heard(seen(order, S.CANCELED, D("0.2")), NOW)
    assert record(followed, canceled) == []
    assert record(followed, followed.heard(seen(order, S.OPEN), NOW)) == []
    assert followed.awaits_trades
    assert record(followed, followed.heard(traded(order, "a", D("0.2")), NOW)) == [S.CANCELED]


def test_a_fill_told_three_times_is_reported_until_it_is_booked_and_no_more():
    order = an_order()
    followed = Followed(order, state=S.OPEN)
    trade = traded(order, "a", D("0.2"))
    assert len(followed.heard(trade, NOW)) == 1
    again = followed.heard(trade, NOW)
    assert [fill.trade_id for report in again for fill in report.fills] == ["a"]
    record(followed, again)
    assert followed.heard(trade, NOW) == []


def test_an_answer_that_says_nothing_does_not_take_back_what_the_stream_told():
    order = an_order()
    followed = Followed(order)
    record(followed, followed.heard(seen(order, S.OPEN), NOW))
    assert followed.placed(answer(Outcome.UNCLEAR), NOW) == []
    assert followed.placed(answer(Outcome.REJECTED, code="-2010"), NOW) == []
    assert followed.state is S.OPEN


def test_an_open_order_that_is_not_found_becomes_unknown_and_is_never_absent():
    order = an_order()
    followed = Followed(order, state=S.OPEN, venue_order_id="77")
    assert record(followed, followed.found(answer(Outcome.NOT_FOUND), OVER + 1)) == [S.UNKNOWN]
    look = Look(began_ms=OVER + 10, ended_ms=OVER + 20, synced_since_ms=SIGNED_MS)
    assert followed.looked(look, None, (), OVER + 20) == []
    assert followed.found(answer(Outcome.NOT_FOUND), OVER + 9_000) == []
    assert followed.state is S.UNKNOWN
    assert "shown it before" in followed.lacks[0]
    assert record(followed, followed.found(answer(Outcome.FOUND, seen(order, S.CANCELED)), OVER)) == [S.CANCELED]


def test_only_typed_answers_count_as_not_found():
    followed = Followed(an_order(), state=S.UNKNOWN)
    look = Look(began_ms=OVER + 10, ended_ms=OVER + 20, synced_since_ms=SIGNED_MS)
    assert followed.looked(look, None, (), OVER + 20) == []
    for number in range(100):
        assert followed.found(answer(Outcome.UNCLEAR), OVER + 100 * number) == []
    assert followed.found(answer(Outcome.NOT_FOUND), OVER + 10_000) == []
    assert [report.state for report in followed.found(answer(Outcome.NOT_FOUND), OVER + 12_000)] == [S.ABSENT]


def test_a_cancel_is_a_request_repeated_until_there_is_evidence():
    order = an_order()
    followed = Followed(order, state=S.OPEN)
    assert followed.due(NOW) is None
    followed.request_cancel()
    asked = []
    for at in range(NOW, NOW + 60_000, 250):
        ask = followed.due(at)
        if ask is None:
            continue
        asked.append(ask)
        followed.asked()
        if ask is Ask.CANCEL:
            assert followed.cancelled(answer(Outcome.UNCLEAR), at) == []
        else:
            assert followed.found(answer(Outcome.FOUND, seen(order, S.OPEN)), at) == []
    assert asked[:4] == [Ask.CANCEL, Ask.FIND, Ask.CANCEL, Ask.FIND]
    assert 10 < len(asked) < 40
    assert followed.state is S.OPEN


def test_a_cancel_that_lost_to_a_fill_is_benign():
    order = an_order()
    followed = Followed(order, state=S.OPEN, cancel_requested=True)
    assert followed.cancelled(answer(Outcome.NOT_FOUND, code="-2011"), NOW) == []
    assert followed.due(NOW) is Ask.FIND
    filled = answer(Outcome.FOUND, seen(order, S.FILLED, D("0.5")), traded(order, "a", D("0.5")))
    assert record(followed, followed.found(filled, NOW)) == [S.FILLED]


def test_an_order_that_ended_in_the_books_and_lives_is_cancelled_and_its_fills_are_booked():
    order = an_order()
    followed = Followed(order, state=S.ABSENT)
    assert followed.heard(traded(order, "a", D("0.2")), NOW) == []
    assert followed.due(NOW) is Ask.FIND
    followed.asked()
    assert followed.found(answer(Outcome.FOUND, seen(order, S.PARTIAL, D("0.2"))), NOW) == []
    assert followed.is_live_after_its_end
    followed.hurry()
    assert followed.due(NOW) is Ask.CANCEL
    followed.asked()
    reports = followed.cancelled(answer(Outcome.FOUND, seen(order, S.CANCELED, D("0.2"))), NOW)
    assert [(report.state, len(report.fills)) for report in reports] == [(S.CANCELED, 1)]
    assert transitions(S.ABSENT, S.CANCELED, new_fills=True, has_fills=True, complete=False) == (S.PARTIAL, S.CANCELED)


def test_an_old_message_of_an_ended_order_is_nothing():
    order = an_order()
    followed = Followed(order, state=S.CANCELED)
    assert followed.heard(seen(order, S.OPEN), NOW) == []
    followed.asked()
    assert followed.found(answer(Outcome.FOUND, seen(order, S.CANCELED)), NOW) == []
    assert followed.is_done
    assert not followed.is_live_after_its_end
