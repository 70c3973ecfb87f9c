"""The state table: only legal edges, fills beat cancels, nothing is guessed, nothing regresses."""

import itertools

import pytest

from bots.trading.orders import LIVE_STATES, ORDER_EDGES, TERMINAL_STATES, IllegalTransition, public_status
from bots.trading.transitions import is_incident, transitions
from bots.trading.vocabulary import OrderState, OrderStatus

S = OrderState


def test_every_state_is_live_or_terminal() -> None:
    assert frozenset(S) == LIVE_STATES | TERMINAL_STATES
    assert not LIVE_STATES & TERMINAL_STATES


def test_no_order_is_sent_again_and_no_timeout_is_an_answer() -> None:
    for forbidden in [(S.PLANNED, S.OPEN), (S.UNKNOWN, S.SENDING), (S.FILLED, S.CANCELED), (S.DENIED, S.SENDING)]:
        assert forbidden not in ORDER_EDGES


@pytest.mark.parametrize(("current", "reported"), list(itertools.product(S, S)))
@pytest.mark.parametrize("fills", ["none", "some", "all"])
def test_whatever_a_venue_says_the_path_is_legal_or_refused(current: S, reported: S, fills: str) -> None:
    had = current in (S.PARTIAL, S.FILLED)
    try:
        path = transitions(
            current, reported, new_fills=fills != "none", has_fills=had or fills != "none", complete=fills == "all"
        )
    except IllegalTransition:
        return
    for before, after in itertools.pairwise((current, *path)):
        assert (before, after) in ORDER_EDGES
    if fills == "all":
        assert path[-1] is S.FILLED
    if fills == "none" and current in TERMINAL_STATES:
        assert path == ()


@pytest.mark.parametrize(
    ("current", "reported", "new", "complete", "path"),
    [
        (S.SENDING, S.FILLED, True, True, (S.FILLED,)),
        (S.SENDING, S.EXPIRED, True, False, (S.PARTIAL, S.EXPIRED)),
        (S.SENDING, S.OPEN, True, False, (S.PARTIAL,)),
        (S.SENDING, S.EXPIRED, False, False, (S.EXPIRED,)),
        (S.OPEN, S.CANCELED, True, True, (S.FILLED,)),
        (S.CANCELED, S.CANCELED, True, False, (S.PARTIAL, S.CANCELED)),
        (S.PARTIAL, S.OPEN, False, False, ()),
        (S.FILLED, S.OPEN, False, False, ()),
        (S.OPEN, S.FILLED, False, False, ()),
        (S.UNKNOWN, S.FILLED, False, False, (S.OPEN,)),
    ],
)
def test_reports_become_these_states(current: S, reported: S, new: bool, complete: bool, path: tuple[S, ...]) -> None:
    got = transitions(current, reported, new_fills=new, has_fills=new or current is S.PARTIAL, complete=complete)
    assert got == path


def test_only_fills_of_ended_orders_are_incidents_and_a_cancel_may_be_raced() -> None:
    assert is_incident(S.EXPIRED, new_fills=True)
    assert not is_incident(S.CANCELED, new_fills=True)
    assert not is_incident(S.OPEN, new_fills=True)
    assert not is_incident(S.EXPIRED, new_fills=False)


@pytest.mark.parametrize(
    ("state", "filled", "status"),
    [
        (S.PARTIAL, True, OrderStatus.PENDING),
        (S.EXPIRED, True, OrderStatus.FILLED),
        (S.EXPIRED, False, OrderStatus.CANCELLED),
        (S.ABSENT, False, OrderStatus.FAILED),
    ],
)
def test_integrations_see_four_words(state: S, filled: bool, status: OrderStatus) -> None:
    assert public_status(state, filled=filled) is status
