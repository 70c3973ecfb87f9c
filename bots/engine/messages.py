"""What browsers are told, as plain values: one function for each kind of event."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from bots.broadcast import plain
from bots.engine.trace import Evaluation, known
from bots.orders.load import BotConfig
from bots.orders.results import OrderView, Recorded
from bots.orders.times import to_datetime
from bots.trading.positions import ClosedPosition, unrealised_pnl
from bots.trading.records import DecisionRecord, PositionState, SubmittedOrder, VenueFill
from bots.trading.vocabulary import OrderState, OrderStatus


def stamp(ns: int) -> str:
    at: datetime = to_datetime(ns)
    return at.isoformat()


def order_sent(order: SubmittedOrder) -> dict[str, Any]:
    """orderUpdate of an order that just passed the gate."""
    plan = order.plan
    return {
        "order_id": str(order.order_id),
        "bot_id": plan.bot_id,
        "symbol": plan.rules.symbol,
        "side": plan.side,
        "purpose": plan.purpose,
        "exit_reason": plan.exit_reason,
        "state": OrderState.SENDING,
        "status": OrderStatus.PENDING,
        "quantity": plain(plan.quantity),
        "filled_quantity": "0",
        "average_price": None,
        "limit_price": plain(plan.limit_price),
        "error": "",
        "decision_id": str(order.decision_id),
        "at": stamp(plan.decided_at_ns),
    }


def order_update(view: OrderView) -> dict[str, Any]:
    return {
        "order_id": str(view.order_id),
        "bot_id": view.bot_id,
        "symbol": view.symbol,
        "side": view.side,
        "purpose": view.purpose,
        "exit_reason": view.exit_reason,
        "state": view.state,
        "status": view.status,
        "quantity": plain(view.quantity),
        "filled_quantity": plain(view.filled_quantity),
        "average_price": None if view.average_price is None else plain(view.average_price),
        "limit_price": plain(view.limit_price),
        "error": view.error,
        "decision_id": str(view.decision_id),
        "at": stamp(view.at_ns),
    }


def order_executed(view: OrderView, fill: VenueFill) -> dict[str, Any]:
    return order_update(view) | {
        "fill": {
            "price": plain(fill.price),
            "quantity": plain(fill.quantity),
            "fee": plain(fill.fee),
            "fee_asset": fill.fee_asset,
            "is_maker": fill.is_maker,
        },
        "execution_ms": view.execution_ms,
    }


def position_update(position: PositionState, *, symbol: str, mark: Decimal) -> dict[str, Any]:
    return {
        "position_id": position.position_id,
        "bot_id": position.bot_id,
        "symbol": symbol,
        "side": position.side,
        "quantity": plain(position.quantity),
        "entry_price": plain(position.entry_price),
        "mark_price": plain(mark),
        "unrealised_pnl": plain(unrealised_pnl(position, mark)),
        "realised_pnl": plain(position.realised_pnl),
        "fees": plain(position.fees),
        "stop_price": plain(position.stop_price),
        "target_price": None if position.target_price is None else plain(position.target_price),
        "high_water_mark": plain(position.high_water_mark),
        "opened_at": stamp(position.opened_at_ns),
        "closed_at": None,
        "exit_reason": "",
    }


def position_closed(closed: ClosedPosition, *, symbol: str) -> dict[str, Any]:
    price = plain(closed.exit_price)
    return {
        "position_id": closed.position_id,
        "bot_id": closed.bot_id,
        "symbol": symbol,
        "side": closed.side,
        "quantity": "0",
        "entry_price": plain(closed.entry_price),
        "mark_price": price,
        "unrealised_pnl": "0",
        "realised_pnl": plain(closed.realised_pnl),
        "fees": plain(closed.fees),
        "stop_price": None,
        "target_price": None,
        "high_water_mark": None,
        "opened_at": stamp(closed.opened_at_ns),
        "closed_at": stamp(closed.closed_at_ns),
        "exit_reason": closed.exit_reason,
    }


def cycle(evaluation: Evaluation, decision: DecisionRecord, *, stored: bool) -> dict[str, Any]:
    """tradingCycleComplete. `decision_id` is there where the decision was stored and can be looked up."""
    opinion = evaluation.opinion
    return {
        "bot_id": decision.bot_id,
        "exchange": evaluation.vector.exchange,
        "symbol": decision.symbol,
        "ts_event": decision.ts_event,
        "trigger": decision.trigger,
        "action": decision.action,
        "verdict": decision.verdict,
        "reasons": [{"code": reason.code, "text": reason.text} for reason in decision.reasons],
        "price": decision.price,
        "signal": known(opinion.signal),
        "confidence": opinion.confidence,
        "coverage": opinion.coverage,
        "multiplier": opinion.multiplier,
        "threshold": opinion.minimum_confidence,
        "components": decision.components,
        "validators": decision.validators,
        "market": decision.market,
        "reasoning": decision.reasoning,
        "outlook": decision.outlook,
        "decision_id": str(decision.id) if stored else None,
    }


def bot_state(config: BotConfig, *, state: str, reason: str) -> dict[str, Any]:
    return {
        "bot_id": config.bot_id,
        "state": state,
        "reason": reason,
        "ladder": config.restriction.ladder,
        "ladder_reason": config.restriction.reason,
        "session_id": config.session_id,
        "started_at": stamp(config.session_started_ns) if config.session_started_ns else None,
    }


def alert(level: str, code: str, text: str, *, bot_id: int | None = None) -> dict[str, Any]:
    return {"level": level, "code": code, "text": text, "bot_id": bot_id}


def recorded_events(recorded: Recorded, *, mark: Decimal | None) -> list[tuple[str, dict[str, Any]]]:
    """Everything that a booked report means to browsers, in order."""
    view = recorded.order
    events = [("orderUpdate", order_update(view))]
    events += [("orderExecuted", order_executed(view, fill)) for fill in recorded.fills]
    if recorded.closed is not None:
        events.append(("positionUpdate", position_closed(recorded.closed, symbol=view.symbol)))
    elif recorded.position is not None and recorded.fills:
        position = recorded.position
        shown = mark if mark is not None else position.entry_price
        events.append(("positionUpdate", position_update(position, symbol=view.symbol, mark=shown)))
    return events
