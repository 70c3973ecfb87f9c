"""Settling what a dead owner left behind: the same code at start and after a fault, and safe to run again.

Paper accounts keep their truth here: acknowledgement, fill and balance commit together. So an order that was being sent
and has no committed fill never reached the venue: it is absent at once. One that rested still rests: it goes back to
the matcher, behind the whole queue of its price, unless its cancel was asked for.
"""

from collections.abc import Iterable
from typing import Any

from bots.orders.connections import Pool
from bots.orders.load_sql import LEFT_BEHIND
from bots.orders.record import record
from bots.orders.results import Recorded, Recovery, RestingOrder
from bots.orders.rows import rules_of
from bots.orders.times import to_ns
from bots.trading.records import LeaseToken, OrderPlan, SubmittedOrder, VenueReport
from bots.trading.vocabulary import ExitReason, OrderState, OrderType, Purpose, Side


async def recover(pool: Pool, tokens: Iterable[LeaseToken]) -> Recovery:
    """Settle the live orders of bots whose leases were just taken."""
    owned = {token.bot_id: token for token in tokens}
    async with pool.connection() as connection:
        found = await connection.execute(LEFT_BEHIND, {"bot_ids": list(owned)})
        rows = await found.fetchall()
    resolved, resting = [], []
    for row in rows:
        ending = _ending(row)
        if ending is None:
            resting.append(
                RestingOrder(order=submitted_of(row, owned[row.bot_id]), filled=row.filled_quantity, fills=row.fills)
            )
            continue
        answer = await record(pool, ending, owned[row.bot_id])
        if isinstance(answer, Recorded):
            resolved.append(answer)
    return Recovery(resolved=tuple(resolved), resting=tuple(resting))


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
