"""Rows as the flat text fields of a stream entry. Pure."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from bots.trading.orders import public_status
from bots.trading.vocabulary import OrderState

COMMON = ("user_id", "bot_id", "bot", "account_id", "mode", "exchange", "symbol")
ORDER = (
    *COMMON, "order_id", "venue_order_id", "attempt", "decision_id", "position_id", "purpose", "exit_reason", "side",
    "order_type", "from_state", "to_state", "quantity", "limit_price", "filled_quantity", "average_price",
    "commission", "commission_asset", "error", "evidence",
)  # fmt: skip
SIGNAL = (
    *COMMON, "source", "action", "value", "confidence", "price", "reasoning", "decision_id", "omitted", "metadata",
    "created_at",
)  # fmt: skip


class Kind(StrEnum):
    ORDER = "order"
    SIGNAL = "signal"


def text_of(value: Any) -> str:
    """Nothing is "", a decimal has neither exponent nor trailing zeros, an order's id no dashes, the rest is JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return value.hex
    return msgspec.json.encode(value).decode()


def order_fields(row: Mapping[str, Any]) -> dict[str, str]:
    """A change of an order's state. `event_id` is the order and the number of the change, the same for ever."""
    status = public_status(OrderState(row["to_state"]), filled=row["filled_quantity"] > 0)
    return {
        "event_id": f"{row['order_id'].hex}-{row['id']}",
        "type": Kind.ORDER.value,
        "at": text_of(row["at"]),
        "status": status.value,
        **{name: text_of(row[name]) for name in ORDER},
    }


def signal_fields(row: Mapping[str, Any]) -> dict[str, str]:
    """A stored signal. It never changes."""
    return {
        "event_id": f"signal-{row['id']}",
        "type": Kind.SIGNAL.value,
        "at": text_of(row["at"]),
        **{name: text_of(row[name]) for name in SIGNAL},
    }
