"""Which states an order passes through on what a venue reports, given its fills."""

from bots.trading.orders import TERMINAL_STATES, check_transition
from bots.trading.vocabulary import OrderState

S = OrderState

UNCONFIRMED = frozenset({S.SENDING, S.UNKNOWN})


def transitions(
    current: OrderState, reported: OrderState, *, new_fills: bool, has_fills: bool, complete: bool
) -> tuple[OrderState, ...]:
    """The states entered, in order; none where the report says nothing new.

    new_fills: the report brought fills not known before. has_fills: the order has any, new ones included. complete: the fills
    sum to its quantity. A fill beats a cancel; a venue's FILLED without the fills waits for them; an old acknowledgement
    never takes an order back. Raises IllegalTransition where no edge exists.
    """
    path: list[OrderState] = []
    if new_fills:
        path.append(S.FILLED if complete else S.PARTIAL)
    reached = path[-1] if path else current
    if reported is not reached and not (new_fills and complete):
        following = _follow(current, reached, reported, has_fills=has_fills)
        if following is not None:
            path.append(following)
    state = current
    for step in path:
        check_transition(state, step)
        state = step
    return tuple(path)


def _follow(current: OrderState, reached: OrderState, reported: OrderState, *, has_fills: bool) -> OrderState | None:
    if reached in TERMINAL_STATES:
        return None
    if reported in (S.OPEN, S.PARTIAL, S.FILLED):
        if reached in UNCONFIRMED:
            return S.PARTIAL if has_fills else S.OPEN
        return None
    if reported in (S.SENDING, S.PLANNED):
        return None
    return reported


def is_incident(current: OrderState, *, new_fills: bool) -> bool:
    """Whether fills came for an order that had ended, other than by a cancel that they raced."""
    return new_fills and current in TERMINAL_STATES and current is not S.CANCELED
