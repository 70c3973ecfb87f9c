"""The decision behind an order: signals, weights, risk verdict, states, fills."""

from typing import Any
from uuid import UUID

from bots.models import Decision, Order, User
from bots.queries.records import decimal_text, decision_record, fill_record, order_record, position_record, time_text


def order_trace(user: User, order_id: UUID) -> dict[str, Any] | None:
    """None where the person has no such order."""
    orders = Order.objects.visible_to(user).select_related(
        "bot",
        "account",
        "instrument__exchange",
        "intent__decision__instrument__exchange",
        "intent__decision__bot",
        "intent__position__instrument__exchange",
    )
    order = orders.filter(pk=order_id).first()
    if order is None:
        return None
    fills = order.fills.select_related("order__intent", "instrument", "position__instrument__exchange").order_by(
        "created_at"
    )
    found = list(fills)
    position = order.intent.position or (found[0].position if found else None)
    return order_record(order) | {
        "bot": order.bot.name,
        "account": order.account.name,
        "mode": order.account.mode,
        "attempt": order.attempt,
        "order_type": order.order_type,
        "venue_order_id": order.venue_order_id,
        "commission": decimal_text(order.commission),
        "commission_asset": order.commission_asset,
        "decided_at": time_text(order.decided_at),
        "created_at": time_text(order.created_at),
        "acknowledged_at": time_text(order.acknowledged_at),
        "filled_at": time_text(order.filled_at),
        "cancelled_at": time_text(order.cancelled_at),
        "fills": [fill_record(fill) for fill in found],
        "events": [
            {"from": event.from_state, "to": event.to_state, "evidence": event.evidence, "at": time_text(event.at)}
            for event in order.events.all()
        ],
        "position": position_record(position) if position else None,
        "decision": decision_record(order.intent.decision),
    }


def decision_trace(user: User, decision_id: UUID) -> dict[str, Any] | None:
    """A decision with the orders that it led to; None where the person has no such decision."""
    decision = (
        Decision.objects.visible_to(user).select_related("bot", "instrument__exchange").filter(pk=decision_id).first()
    )
    if decision is None:
        return None
    orders = Order.objects.filter(intent__decision=decision).select_related("intent", "instrument__exchange")
    return decision_record(decision) | {"bot": decision.bot.name, "orders": [order_record(order) for order in orders]}
