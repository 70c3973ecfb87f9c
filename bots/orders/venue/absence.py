"""When an order that nobody answered for may be called absent: every condition, or it stays unknown.

A venue that does not find an order proves nothing: its query may lag, its history may be asked too early. What is proven
is that the request can no longer arrive, and that nothing it could have done is there.
"""

from decimal import Decimal

from msgspec import Struct

from bots.trading.vocabulary import Side

# What Binance may still take to answer a request that arrived in its window, and what two clocks may differ by.
ANSWER_MS = 10_000
SKEW_MS = 1_000
NOT_FOUND_APART_MS = 2_000


class Look(Struct, frozen=True, kw_only=True):
    """What a look at the whole account found of one order, venue time in ms.

    Made of one reading each of open orders, history, trades and balances between `began_ms` and `ended_ms`.
    `synced_since_ms` is the private stream's, the same before and after; None where it broke. `strays` are trades of the
    symbol since the signing that belong to no known order. `base_delta` and `quote_delta`: the venue's balance less ours.
    `is_locked`: the venue holds back more than the open orders that it shows need.
    """

    began_ms: int
    ended_ms: int
    synced_since_ms: int | None
    in_open: bool = False
    in_history: bool = False
    strays: int = 0
    base_delta: Decimal = Decimal(0)
    quote_delta: Decimal = Decimal(0)
    is_locked: bool = False


class Absence(Struct, frozen=True, kw_only=True):
    """All that is known of an order without an answer. `not_found_ms`: when the venue said so, by its typed code."""

    side: Side
    valid_until_ms: int
    acknowledged: bool
    not_found_ms: tuple[int, ...]
    look: Look | None


def window_ends_ms(valid_until_ms: int) -> int:
    """From when on, by venue time, a request can neither arrive nor still be on its way through the venue."""
    return valid_until_ms + ANSWER_MS + SKEW_MS


def look_from_ms(valid_until_ms: int) -> int:
    """From when on a look counts: a venue's lists lag behind its matching, as its queries do."""
    return window_ends_ms(valid_until_ms) + NOT_FOUND_APART_MS


def missing(known: Absence) -> tuple[str, ...]:
    """What is still missing before the order is proven absent; nothing proves it."""
    over_ms = window_ends_ms(known.valid_until_ms)
    lacks = []
    if known.acknowledged:
        lacks.append("the venue has shown it before: it cannot be absent")
    times = [at for at in known.not_found_ms if at > over_ms]
    if not times or max(times) - min(times) < NOT_FOUND_APART_MS:
        lacks.append("not found twice, two seconds apart, after its window")
    look = known.look
    if look is None:
        return (*lacks, "no look at the account")
    if look.began_ms <= look_from_ms(known.valid_until_ms):
        lacks.append("its window was not over for two seconds at the last look")
    if look.synced_since_ms is None or look.synced_since_ms > look.began_ms:
        lacks.append("the private stream was not in step")
    if look.in_open:
        lacks.append("it is among the open orders")
    if look.in_history:
        lacks.append("it is in the history")
    if look.strays:
        lacks.append(f"{look.strays} trades belong to no known order")
    if known.side.sign * look.base_delta > 0 or known.side.sign * look.quote_delta < 0:
        lacks.append("balances differ from the books as if it had traded")
    if look.is_locked:
        lacks.append("the venue holds funds back for an order that it does not show")
    return tuple(lacks)
