"""Looking at a whole account for one order: everything is read, or nothing is said."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from bots.brokers.venue import Venue, VenueOrder, VenueTrade
from bots.orders.submit import reservation
from bots.orders.venue.absence import Look
from bots.orders.venue.accounting import KnownOrder, attribute, locked_beyond
from bots.orders.venue.following import Followed
from bots.trading.money import ZERO, quantise

# Before the signing: clocks of venues are not exact to the second.
BEFORE_MS = 60_000


class Seen(Struct, frozen=True, kw_only=True):
    """What was read: the look itself, the order where it was seen, and its own trades."""

    look: Look
    order: VenueOrder | None
    trades: tuple[VenueTrade, ...]


class Reading(Struct, frozen=True, kw_only=True):
    """Everything that a venue showed of an account for one symbol, venue time in ms."""

    began_ms: int
    ended_ms: int
    synced_since_ms: int | None
    open_orders: tuple[VenueOrder, ...]
    history: tuple[VenueOrder, ...]
    trades: tuple[VenueTrade, ...]
    balances: dict[str, tuple[Decimal, Decimal]]


async def read_account(venue: Venue, followed: Followed) -> Reading:
    """Raises VenueUnavailable where any part of it cannot be had."""
    order = followed.order
    symbol, since_ms = order.plan.rules.symbol, order.sign_ts_ms - BEFORE_MS
    synced = venue.synced_since_ms
    began_ms = await venue.venue_time_ns() // 1_000_000
    open_orders = await venue.open_orders()
    history = await venue.recent_orders(symbol, since_ms=since_ms)
    trades = await venue.trades(symbol, since_ms=since_ms)
    balances = await venue.balances()
    return Reading(
        began_ms=began_ms,
        ended_ms=await venue.venue_time_ns() // 1_000_000,
        synced_since_ms=synced if venue.synced_since_ms == synced else None,
        open_orders=tuple(open_orders),
        history=tuple(history),
        trades=tuple(trades),
        balances={balance.asset: (balance.total, balance.free) for balance in balances},
    )


def look_for(followed: Followed, reading: Reading, *, ours: Mapping[str, Decimal], known: list[KnownOrder]) -> Seen:
    """What a reading says of one order. `ours` are the books' balances, `known` the account's orders and those the reading names."""
    order = followed.order
    rules = order.plan.rules
    mine = [found for found in (*reading.open_orders, *reading.history) if followed.is_mine(found)]
    others = [found for found in known if found.order_id != order.order_id]
    attribution = attribute(reading.trades, known, (*reading.open_orders, *reading.history))
    signed_ns = (order.sign_ts_ms - 1_000) * 1_000_000
    named = {found.venue_order_id for found in others}
    strays = [
        trade
        for trade in (*attribution.unclear, *attribution.others)
        if trade.fill.ts_event >= signed_ns
        and trade.side is order.plan.side
        and trade.venue_order_id not in named
        and not _is_foreign(trade, reading)
    ]
    asset, need = reservation(order.plan)
    total, free = reading.balances.get(asset, (ZERO, ZERO))
    look = Look(
        began_ms=reading.began_ms,
        ended_ms=reading.ended_ms,
        synced_since_ms=reading.synced_since_ms,
        in_open=any(followed.is_mine(found) for found in reading.open_orders),
        in_history=any(followed.is_mine(found) for found in reading.history),
        strays=len(strays),
        base_delta=_delta(reading, ours, rules.base),
        quote_delta=_delta(reading, ours, rules.quote),
        is_locked=locked_beyond(total - free, reading.open_orders, asset=asset, need=need),
    )
    # History is the later word: an order may end between the two readings.
    seen = next((found for found in mine if found.state.value not in ("open", "partial")), mine[-1] if mine else None)
    return Seen(look=look, order=seen, trades=tuple(attribution.ours.get(order.order_id, ())))


def _is_foreign(trade: VenueTrade, reading: Reading) -> bool:
    """Whether the venue's own list of orders shows whose it is, and it is not the followed one's."""
    return any(
        found.venue_order_id == trade.venue_order_id and found.client_order_id
        for found in (*reading.open_orders, *reading.history)
    )


def _delta(reading: Reading, ours: Mapping[str, Decimal], asset: str) -> Decimal:
    total, _ = reading.balances.get(asset, (ZERO, ZERO))
    return quantise(total) - ours.get(asset, ZERO)
