"""The order state machine as a table: which changes of state are legal, and on what evidence.

An order's filled quantity is always the sum of its fills. A terminal state is final but for the incident edges:
a venue that reports a late fill is right, and the books follow it.
"""

from bots.trading.vocabulary import OrderState, OrderStatus

S = OrderState

LIVE_STATES = frozenset({S.PLANNED, S.SENDING, S.UNKNOWN, S.OPEN, S.PARTIAL})
TERMINAL_STATES = frozenset(S) - LIVE_STATES

ORDER_EDGES: dict[tuple[OrderState, OrderState], str] = {
    (S.PLANNED, S.DENIED): "risk, kill switch or lease refused it",
    (S.PLANNED, S.SENDING): "the gate committed",
    (S.SENDING, S.OPEN): "the venue acknowledged it",
    (S.SENDING, S.PARTIAL): "a fill came before the acknowledgement",
    (S.SENDING, S.FILLED): "filled at once",
    (S.SENDING, S.REJECTED): "the venue refused it with a typed error",
    (S.SENDING, S.EXPIRED): "immediate-or-cancel found nothing to match",
    (S.SENDING, S.CANCELED): "cancelled on arrival",
    (S.SENDING, S.UNKNOWN): "no answer that says what happened",
    (S.SENDING, S.ABSENT): "paper only: a restart found no committed fill",
    (S.UNKNOWN, S.OPEN): "found at the venue",
    (S.UNKNOWN, S.PARTIAL): "found at the venue, partly filled",
    (S.UNKNOWN, S.FILLED): "found at the venue, filled",
    (S.UNKNOWN, S.CANCELED): "found at the venue, cancelled",
    (S.UNKNOWN, S.EXPIRED): "found at the venue, expired",
    (S.UNKNOWN, S.REJECTED): "found at the venue, rejected",
    (S.UNKNOWN, S.ABSENT): "proven never to have arrived",
    (S.OPEN, S.PARTIAL): "a fill",
    (S.OPEN, S.FILLED): "the last fill",
    (S.OPEN, S.CANCELED): "the venue confirmed the cancel",
    (S.OPEN, S.EXPIRED): "the venue expired it",
    (S.OPEN, S.UNKNOWN): "the venue does not find it",
    (S.PARTIAL, S.PARTIAL): "a fill",
    (S.PARTIAL, S.FILLED): "the last fill",
    (S.PARTIAL, S.CANCELED): "the rest was cancelled",
    (S.PARTIAL, S.EXPIRED): "the rest expired",
    (S.PARTIAL, S.UNKNOWN): "the venue does not find it",
    (S.CANCELED, S.FILLED): "fill raced the cancel",
    (S.CANCELED, S.PARTIAL): "incident: live after cancel",
    (S.EXPIRED, S.FILLED): "incident: fill after expiry",
    (S.EXPIRED, S.PARTIAL): "incident: live after expiry",
    (S.REJECTED, S.FILLED): "incident: fill after reject",
    (S.REJECTED, S.PARTIAL): "incident: live after reject",
    (S.ABSENT, S.FILLED): "incident: fill of an order proven absent",
    (S.ABSENT, S.PARTIAL): "incident: live though proven absent",
}


class IllegalTransition(ValueError):
    """A change of state that no evidence can justify."""


def check_transition(current: OrderState, new: OrderState) -> None:
    """Raises IllegalTransition where the table has no such edge."""
    if (current, new) not in ORDER_EDGES:
        raise IllegalTransition(f"an order cannot go from {current} to {new}")


def public_status(state: OrderState, *, filled: bool) -> OrderStatus:
    """What integrations see. `filled`: whether the order has at least one fill."""
    if state in LIVE_STATES:
        return OrderStatus.PENDING
    if filled:
        return OrderStatus.FILLED
    if state in (S.CANCELED, S.EXPIRED):
        return OrderStatus.CANCELLED
    return OrderStatus.FAILED
