"""Settling what a dead owner left behind: the same code at start and after a fault, and safe to run again.

At a venue nothing is settled without its word: an order that was being sent is unknown from now on, and whoever follows
the account finds it, or proves it absent once its window is over.

Paper accounts keep their truth here: acknowledgement, fill and balance commit together. So an order that was being sent
and has no committed fill never reached the venue: it is absent at once. One that rested still rests: it goes back to
the matcher, behind the whole queue of its price, unless its cancel was asked for.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from bots.orders.connections import Pool
from bots.orders.load_sql import LEFT_BEHIND, ORDERS_BY_ID
from bots.orders.record import record
from bots.orders.results import Recorded, Recovery, RestingOrder, VenueOrderState
from bots.orders.rows import rules_of
from bots.orders.times import to_ns
from bots.trading.records import LeaseToken, OrderPlan, SubmittedOrder, VenueReport
from bots.trading.vocabulary import ExitReason, OrderState, OrderType, Purpose, Side

PAPER = "paper"


async def recover(pool: Pool, tokens: Iterable[LeaseToken]) -> Recovery:
    """Settle the live orders of bots whose leases were just taken."""
    owned = {token.bot_id: token for token in tokens}
    async with pool.connection() as connection:
        found = await connection.execute(LEFT_BEHIND, {"bot_ids": list(owned)})
        rows = await found.fetchall()
    resolved, resting, at_venues = [], [], []
    for row in rows:
        if row.mode != PAPER and row.state != OrderState.PLANNED:
            at_venues.append(await _take_over(pool, row, owned[row.bot_id]))
            continue
        ending = _ending(row)
        if ending is None:
            resting.append(
                RestingOrder(order=submitted_of(row, owned[row.bot_id]), filled=row.filled_quantity, fills=row.fills)
            )
            continue
        answer = await record(pool, ending, owned[row.bot_id])
        if isinstance(answer, Recorded):
            resolved.append(answer)
    return Recovery(resolved=tuple(resolved), resting=tuple(resting), at_venues=tuple(at_venues))


async def _take_over(pool: Pool, row: Any, token: LeaseToken) -> VenueOrderState:
    """An order at a venue, to be followed to its end; what was being sent is unknown."""
    found = venue_order_of(row, token)
    if found.state is not OrderState.SENDING:
        return found
    text = "its sender ended before the answer was recorded"
    unknown = VenueReport(order_id=row.id, state=OrderState.UNKNOWN, error=text, evidence={"recovery": text})
    await record(pool, unknown, token)
    return replace(found, state=OrderState.UNKNOWN)


async def load_venue_orders(pool: Pool, order_ids: Sequence[UUID], token: LeaseToken) -> list[VenueOrderState]:
    """Orders of a bot at its venue, ended ones too."""
    async with pool.connection() as connection:
        found = await connection.execute(ORDERS_BY_ID, {"order_ids": list(order_ids)})
        return [venue_order_of(row, token) for row in await found.fetchall()]


def venue_order_of(row: Any, token: LeaseToken) -> VenueOrderState:
    return VenueOrderState(
        order=submitted_of(row, token),
        state=OrderState(row.state),
        booked={trade_id: Decimal(quantity) for trade_id, quantity in (row.booked or {}).items()},
        venue_order_id=row.venue_order_id,
        cancel_requested=row.cancel_requested,
        acknowledged=row.acknowledged_at is not None,
        since_ms=to_ns(row.updated_at) // 1_000_000,
    )


def _ending(row: Any) -> VenueReport | None:
    """How an order ended, or None where it still rests."""
    if row.state in (OrderState.SENDING, OrderState.UNKNOWN):
        text = "no fill was committed before the restart"
        return VenueReport(order_id=row.id, state=OrderState.ABSENT, error=text, evidence={"recovery": text})
    if row.state == OrderState.PLANNED:
        text = "never passed the gate"
        return VenueReport(order_id=row.id, state=OrderState.DENIED, error=text, evidence={"recovery": text})
    if row.cancel_requested or row.order_type == OrderType.MARKET:
        text = "cancelled at the restart, as was asked for before it"
        return VenueReport(order_id=row.id, state=OrderState.CANCELED, error=text, evidence={"recovery": text})
    return None


def submitted_of(row: Any, token: LeaseToken) -> SubmittedOrder:
    """An order row as the broker takes it."""
    plan = OrderPlan(
        bot_id=row.bot_id,
        account_id=row.account_id,
        rules=rules_of(row),
        side=Side(row.side),
        purpose=Purpose(row.purpose),
        order_type=OrderType(row.order_type),
        quantity=row.quantity,
        limit_price=row.limit_price,
        slot=row.slot,
        decided_at_ns=to_ns(row.decided_at),
        position_id=row.position_id,
        exit_reason=ExitReason(row.exit_reason) if row.exit_reason else None,
        stop_loss=row.stop_loss,
        take_profit=row.take_profit,
        trailing_stop=row.trailing_stop,
    )
    return SubmittedOrder(
        order_id=row.id,
        intent_id=row.intent_id,
        decision_id=row.decision_id,
        plan=plan,
        epoch=token.epoch,
        sign_ts_ms=row.sign_ts_ms,
        valid_until_ms=row.valid_until_ms,
    )
