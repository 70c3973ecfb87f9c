"""A decision with everything that led to it and everything that came of it, in one statement."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
from django.db.models import Field, JSONField, Model, TextField
from django.db.models.expressions import RawSQL
from msgspec import Struct

from bots.models import Decision, Fill, Intent, Order, OrderEvent, User
from quant.learning.labels import Action
from quant.learning.scores import decided

Row = TypeVar("Row", bound=Model)

ORDERS = """
(SELECT coalesce(json_agg(json_build_object(
            'order', to_json(o), 'intent', to_json(i),
            'events', (SELECT coalesce(json_agg(to_json(e) ORDER BY e.id), '[]') FROM bots_orderevent e
                       WHERE e.order_id = o.id),
            'fills', (SELECT coalesce(json_agg(to_json(f) ORDER BY f.created_at), '[]') FROM bots_fill f
                      WHERE f.order_id = o.id)) ORDER BY o.created_at), '[]')::text
 FROM bots_intent i JOIN bots_order o ON o.intent_id = i.id WHERE i.decision_id = bots_decision.id)
"""
# What each version of a model said last before the decision, those in shadow too: they move nothing and are recorded.
VOTES = """
(SELECT coalesce(json_agg(json_build_object(
            'model', v.name || ' ' || v.number, 'status', v.status, 'timeframe', v.timeframe, 'ts_close', p.ts_close,
            'theta', v.metrics->'theta', 'p_sell', p.p_sell, 'p_hold', p.p_hold, 'p_buy', p.p_buy) ORDER BY v.name, v.number), '[]')::text
 FROM marketdata_instrument n JOIN marketdata_exchange x ON x.id = n.exchange_id
 JOIN quant_modelversion v ON true
 JOIN LATERAL (SELECT * FROM quant_modelprediction q
               WHERE q.version_id = v.id AND q.exchange = x.code AND q.symbol = n.symbol
                 AND q.ts_close <= bots_decision.ts_event AND q.ts_written <= bots_decision.ts_event + 60000000000
                 AND q.ts_close > bots_decision.ts_event - 86400000000000
               ORDER BY q.ts_close DESC LIMIT 1) p ON true
 WHERE n.id = bots_decision.instrument_id)
"""


class TracedOrder(Struct, frozen=True, kw_only=True):
    """An order that came of a decision, with its changes of state and its fills, oldest first."""

    order: Order
    events: list[OrderEvent]
    fills: list[Fill]


class Trace(Struct, frozen=True, kw_only=True):
    """`votes`: what each version of a model said last before the decision, also where it moved nothing."""

    decision: Decision
    orders: list[TracedOrder]
    votes: list[dict[str, Any]]


def decision_trace(user: User, decision_id: UUID) -> Trace | None:
    """One of the person's own decisions; None where there is none."""
    found = (
        Decision.objects.visible_to(user)
        .select_related("bot", "instrument__exchange")
        .annotate(
            orders_json=RawSQL(ORDERS, (), output_field=TextField()),
            votes_json=RawSQL(VOTES, (), output_field=TextField()),
        )
        .filter(pk=decision_id)
        .first()
    )
    if found is None:
        return None
    return Trace(
        decision=found,
        orders=[_order(found, row) for row in json.loads(found.orders_json, parse_float=Decimal)],
        votes=[_vote(row) for row in json.loads(found.votes_json)],
    )


def _vote(row: dict[str, Any]) -> dict[str, Any]:
    """With what the version decides by its threshold, as it was judged, and how sure it was of that."""
    p = [row["p_sell"], row["p_hold"], row["p_buy"]]
    action = Action(int(decided(np.array([p]), row["theta"] or 0.0)[0]))
    return row | {"action": action.name, "confidence": p[action]}


def _order(decision: Decision, row: Mapping[str, Any]) -> TracedOrder:
    order = _row(Order, row["order"])
    order.bot, order.instrument = decision.bot, decision.instrument
    order.intent = _row(Intent, row["intent"])
    order.intent.decision = decision
    return TracedOrder(
        order=order,
        events=[_row(OrderEvent, event) for event in row["events"]],
        fills=[_row(Fill, fill) for fill in row["fills"]],
    )


def _row(model: type[Row], values: Mapping[str, Any]) -> Row:
    """A row as the ORM would have read it."""
    fields = model._meta.concrete_fields
    taken = [_value(field, values.get(field.column or "")) for field in fields]
    return model.from_db("default", [field.attname for field in fields], taken)


def _value(field: "Field[Any, Any]", value: Any) -> Any:
    return _with_floats(value) if isinstance(field, JSONField) else field.to_python(value)


def _with_floats(value: Any) -> Any:
    """Numbers within a JSON field were never exact."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _with_floats(part) for name, part in value.items()}
    return [_with_floats(part) for part in value] if isinstance(value, list) else value
