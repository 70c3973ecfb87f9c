"""A closed position as rows: its trade, and what it adds to its bot's standing."""

from decimal import Decimal
from typing import Any

from bots.orders.times import day_start_ns, to_datetime, week_start_ns
from bots.trading.positions import ClosedPosition


def trade_values(closed: ClosedPosition, decision_id: Any) -> dict[str, Any]:
    """A closed position as the parameters of its trade."""
    return {
        "position_id": closed.position_id,
        "bot_id": closed.bot_id,
        "instrument_id": closed.instrument_id,
        "decision_id": decision_id,
        "side": closed.side.value,
        "quantity": closed.quantity,
        "entry_price": closed.entry_price,
        "exit_price": closed.exit_price,
        "fees": closed.fees,
        "net_pnl": closed.net_pnl,
        "exit_reason": closed.exit_reason.value,
        "opened_at": to_datetime(closed.opened_at_ns),
        "closed_at": to_datetime(closed.closed_at_ns),
    }


def standing_values(closed: ClosedPosition) -> dict[str, Any]:
    """What a trade adds to its bot's standing."""
    net = closed.net_pnl
    return {
        "bot_id": closed.bot_id,
        "wins": int(net > 0),
        "gained": max(net, Decimal(0)),
        "lost": max(-net, Decimal(0)),
        "fees": closed.fees,
        "net_pnl": net,
        "day": to_datetime(day_start_ns(closed.closed_at_ns)),
        "week": to_datetime(week_start_ns(closed.closed_at_ns)),
    }
