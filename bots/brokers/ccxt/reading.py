"""ccxt's unified dictionaries, their numbers as text, as our records. What does not make sense raises Unreadable."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from bots.brokers.ccxt.ids import from_venue
from bots.brokers.venue import VenueBalance, VenueOrder, VenueTrade
from bots.trading.records import VenueFill
from bots.trading.vocabulary import OrderState, Side

NS_PER_MS = 1_000_000
_ENDED = {"canceled": OrderState.CANCELED, "expired": OrderState.EXPIRED, "rejected": OrderState.REJECTED}


class Unreadable(ValueError):
    """An answer came, and says nothing that can be believed."""


def decimal(value: Any, name: str) -> Decimal:
    """Raises Unreadable for what is no finite number."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Unreadable(f"{name} is {value!r}") from None
    if not number.is_finite():
        raise Unreadable(f"{name} is {value!r}")
    return number


def _positive(value: Any, name: str) -> Decimal:
    number = decimal(value, name)
    if number < 0:
        raise Unreadable(f"{name} is {value!r}")
    return number


def _optional(value: Any, name: str) -> Decimal | None:
    if value in (None, ""):
        return None
    return _positive(value, name) or None


def _side(value: Any) -> Side:
    try:
        return Side(str(value).lower())
    except ValueError:
        raise Unreadable(f"side is {value!r}") from None


def contract_size(market: Mapping[str, Any] | None) -> Decimal:
    """Base units in one of ccxt's units of amount: contracts, for derivatives."""
    if market and market.get("contract") and market.get("contractSize"):
        return decimal(market["contractSize"], "contract size")
    return Decimal(1)


def to_order(raw: Mapping[str, Any], market: Mapping[str, Any] | None = None) -> VenueOrder:
    """An order of ccxt's. Quantities become base units."""
    if not raw.get("id"):
        raise Unreadable("an order without an id")
    size = contract_size(market)
    quantity = _positive(raw.get("amount"), "amount")
    status = raw.get("status")
    filled = _filled(raw, status, quantity)
    return VenueOrder(
        venue_order_id=str(raw["id"]),
        client_order_id=from_venue(raw.get("clientOrderId")),
        symbol=str(raw.get("symbol") or (market or {}).get("symbol") or ""),
        side=_side(raw.get("side")),
        state=_state(status, filled=filled, quantity=quantity),
        quantity=quantity * size,
        filled=filled * size,
        limit_price=_optional(raw.get("price"), "price"),
        stop_price=_optional(raw.get("triggerPrice") or raw.get("stopPrice"), "stop price"),
        average_price=_optional(raw.get("average"), "average"),
        created_ms=int(raw.get("timestamp") or 0),
        updated_ms=int(raw.get("lastUpdateTimestamp") or raw.get("lastTradeTimestamp") or raw.get("timestamp") or 0),
        raw=raw["info"] if isinstance(raw.get("info"), dict) else {"info": raw.get("info")},
    )


def _filled(raw: Mapping[str, Any], status: Any, quantity: Decimal) -> Decimal:
    if raw.get("filled") not in (None, ""):
        return _positive(raw["filled"], "filled")
    if status == "closed":
        return quantity
    if status == "open":
        return Decimal(0)
    raise Unreadable(f"an order that is {status!r} and does not say how much of it was filled")


def _state(status: Any, *, filled: Decimal, quantity: Decimal) -> OrderState:
    if status in _ENDED:
        return _ENDED[status]
    if filled and filled >= quantity:
        return OrderState.FILLED
    if status == "closed":
        # Over without being full: what was left of it is gone.
        return OrderState.CANCELED
    if status in ("open", "canceling"):
        return OrderState.PARTIAL if filled else OrderState.OPEN
    raise Unreadable(f"an order's status is {status!r}")


def to_trade(
    raw: Mapping[str, Any], market: Mapping[str, Any] | None = None, *, client_order_id: str = ""
) -> VenueTrade:
    """A fill of ccxt's, its fee in the asset that it was taken in. A rebate is a fee below zero."""
    if not raw.get("id") or raw.get("timestamp") is None:
        raise Unreadable("a trade without an id or a time")
    price, quantity = _positive(raw.get("price"), "price"), _positive(raw.get("amount"), "amount")
    if not price or not quantity:
        raise Unreadable("a trade of nothing")
    fee = _fee(raw)
    return VenueTrade(
        venue_order_id=str(raw.get("order") or ""),
        client_order_id=client_order_id,
        symbol=str(raw.get("symbol") or (market or {}).get("symbol") or ""),
        side=_side(raw.get("side")),
        fill=VenueFill(
            trade_id=str(raw["id"]),
            price=price,
            quantity=quantity * contract_size(market),
            fee=decimal(fee.get("cost") or 0, "fee"),
            fee_asset=str(fee.get("currency") or ""),
            is_maker=raw.get("takerOrMaker") == "maker",
            ts_event=int(raw["timestamp"]) * NS_PER_MS,
        ),
    )


def _fee(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    fee = raw.get("fee")
    if isinstance(fee, Mapping) and fee.get("cost") is not None:
        return fee
    fees = [one for one in raw.get("fees") or () if isinstance(one, Mapping) and one.get("cost") is not None]
    if len(fees) > 1:
        raise Unreadable("a trade with several fees")
    return fees[0] if fees else {}


def to_balances(raw: Mapping[str, Any]) -> list[VenueBalance]:
    """Every asset that is not at zero. Raises Unreadable for a balance without numbers."""
    totals, frees = raw.get("total"), raw.get("free")
    if not isinstance(totals, Mapping) or not isinstance(frees, Mapping):
        raise Unreadable("balances without totals")
    found = []
    for asset, total in totals.items():
        amount, free = decimal(total, f"{asset} total"), frees.get(asset)
        available = decimal(free, f"{asset} free") if free is not None else amount
        if amount or available:
            found.append(VenueBalance(asset=str(asset), total=amount, free=available))
    return found
