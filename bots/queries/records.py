"""Rows as browsers and integrations see them: the same shapes as the events of `bots.broadcast`.

Money as exact text, times as ISO 8601 in UTC.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bots.models import Decision, Fill, Order, PerformanceSnapshot, Position
from marketdata.models import FeedStatus
from marketdata.queries import FRESH_S


def decimal_text(value: Decimal | None) -> str | None:
    """Without exponent and trailing zeros."""
    if value is None:
        return None
    return f"{value.normalize():f}" if value else "0"


def time_text(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def nanoseconds_text(value: int) -> str:
    """Nanoseconds since the epoch, to the microsecond."""
    seconds, rest = divmod(value, 1_000_000_000)
    return time_text(datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)) or ""


def order_record(order: Order) -> dict[str, Any]:
    """Needs `intent` and `instrument__exchange` selected."""
    return {
        "order_id": str(order.pk),
        "client_order_id": order.client_order_id,
        "bot_id": order.bot_id,
        "exchange": order.instrument.exchange.code,
        "symbol": order.instrument.symbol,
        "side": order.side,
        "purpose": order.intent.purpose,
        "exit_reason": order.intent.exit_reason or None,
        "state": order.state,
        "status": str(order.status),
        "quantity": decimal_text(order.quantity),
        "filled_quantity": decimal_text(order.filled_quantity),
        "average_price": decimal_text(order.average_price),
        "limit_price": decimal_text(order.limit_price),
        "error": order.error,
        "decision_id": str(order.intent.decision_id),
        "execution_ms": order.execution_ms,
        "at": time_text(order.updated_at),
    }


def fill_record(fill: Fill) -> dict[str, Any]:
    """Needs `order__intent` and `instrument` selected."""
    return {
        "order_id": str(fill.order_id),
        "bot_id": fill.order.bot_id,
        "symbol": fill.instrument.symbol,
        "side": fill.side,
        "purpose": fill.order.intent.purpose,
        "exit_reason": fill.order.intent.exit_reason or None,
        "decision_id": str(fill.order.intent.decision_id),
        "price": decimal_text(fill.price),
        "quantity": decimal_text(fill.quantity),
        "fee": decimal_text(fill.fee),
        "fee_asset": fill.fee_asset,
        "is_maker": fill.is_maker,
        "at": time_text(fill.created_at),
    }


def position_record(position: Position) -> dict[str, Any]:
    """Needs `instrument__exchange` selected."""
    return {
        "position_id": position.pk,
        "bot_id": position.bot_id,
        "exchange": position.instrument.exchange.code,
        "symbol": position.instrument.symbol,
        "side": position.side,
        "quantity": decimal_text(position.quantity),
        "entry_price": decimal_text(position.entry_price),
        "mark_price": decimal_text(position.mark_price),
        "unrealised_pnl": decimal_text(position.unrealised_pnl),
        "realised_pnl": decimal_text(position.realised_pnl),
        "fees": decimal_text(position.fees),
        "stop_price": decimal_text(position.stop_price),
        "target_price": decimal_text(position.target_price),
        "high_water_mark": decimal_text(position.high_water_mark),
        "opened_at": time_text(position.opened_at),
        "closed_at": time_text(position.closed_at),
        "exit_reason": position.exit_reason or None,
    }


def decision_record(decision: Decision) -> dict[str, Any]:
    """Needs `instrument__exchange` selected."""
    return {
        "decision_id": str(decision.pk),
        "bot_id": decision.bot_id,
        "exchange": decision.instrument.exchange.code,
        "symbol": decision.instrument.symbol,
        "ts_event": decision.ts_event,
        "at": time_text(decision.created_at),
        "trigger": decision.trigger,
        "action": decision.action,
        "verdict": decision.verdict,
        "exit_reason": decision.exit_reason or None,
        "reasons": decision.reasons,
        "price": decision.price,
        "signal": decision.signal,
        "confidence": decision.confidence,
        "coverage": decision.coverage,
        "multiplier": decision.multiplier,
        "threshold": decision.bot.minimum_confidence,
        "components": decision.components,
        "validators": decision.validators,
        "market": decision.market,
        "reasoning": decision.reasoning,
        "outlook": decision.outlook,
        "repeated": decision.repeated,
    }


def feed_record(feed: FeedStatus, *, now: datetime) -> dict[str, Any]:
    """Needs `exchange` selected. `is_running` is false when its feed no longer writes."""
    return {
        "exchange": feed.exchange.code,
        "symbol": feed.symbol,
        "state": feed.state,
        "source": feed.source,
        "reason": feed.reason,
        "last_price": feed.last_price,
        "last_tick_at": time_text(feed.last_tick_at),
        "tick_age_s": round((now - feed.last_tick_at).total_seconds(), 3) if feed.last_tick_at else None,
        "messages_per_s": feed.messages_per_s,
        "lag_p50_ms": feed.lag_p50_ms,
        "lag_p95_ms": feed.lag_p95_ms,
        "messages": feed.messages,
        "rejected": feed.rejected,
        "gaps": feed.gaps,
        "reconnects": feed.reconnects,
        "updated_at": time_text(feed.updated_at),
        "is_running": (now - feed.updated_at).total_seconds() <= FRESH_S,
    }


def performance_record(row: PerformanceSnapshot) -> dict[str, Any]:
    return {
        "bot_id": row.bot_id,
        "at": time_text(row.at),
        "equity": decimal_text(row.equity),
        "realised_pnl": decimal_text(row.realised_pnl),
        "unrealised_pnl": decimal_text(row.unrealised_pnl),
        "fees": decimal_text(row.fees),
        "trades": row.trades,
        "win_rate": row.win_rate,
        "profit_factor": row.profit_factor,
        "sharpe": row.sharpe,
        "sortino": row.sortino,
        "maximum_drawdown": row.maximum_drawdown,
    }
