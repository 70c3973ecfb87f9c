"""Frames of Binance's user data stream as our records. Source: binance-spot-api-docs, user-data-stream.md."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from bots.brokers.ccxt.ids import from_venue
from bots.brokers.ccxt.reading import NS_PER_MS, Unreadable, decimal
from bots.brokers.venue import VenueBalance, VenueOrder, VenueTrade
from bots.trading.records import VenueFill
from bots.trading.vocabulary import OrderState, Side

Seen = VenueOrder | VenueTrade | VenueBalance

_STATES = {
    "NEW": OrderState.OPEN,
    "PENDING_NEW": OrderState.OPEN,
    "PENDING_CANCEL": OrderState.OPEN,
    "PARTIALLY_FILLED": OrderState.PARTIAL,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELED,
    "REJECTED": OrderState.REJECTED,
    "EXPIRED": OrderState.EXPIRED,
    "EXPIRED_IN_MATCH": OrderState.EXPIRED,
}
# The stream is over; nothing more comes on this connection.
ENDINGS = frozenset({"eventStreamTerminated", "serverShutdown", "listenKeyExpired"})


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame: an answer to a request of ours (`reply`), or what was seen, or the end."""

    reply: dict[str, Any] | None = None
    seen: tuple[Seen, ...] = ()
    is_end: bool = False
    # A deposit or withdrawal: the event tells the change and not the balance.
    is_transfer: bool = False


def parse(raw: str | bytes, symbol_of: Callable[[str], str]) -> Frame:
    """`symbol_of` turns the venue's symbol into ours. Raises Unreadable for whatever is not understood."""
    try:
        message = msgspec.json.decode(raw)
        if not isinstance(message, dict):
            raise Unreadable("a frame that is no object")
        if "status" in message and "id" in message:
            return Frame(reply=message)
        event = message.get("event", message)
        kind = event["e"]
        if kind == "executionReport":
            return Frame(seen=_execution(event, symbol_of))
        if kind == "outboundAccountPosition":
            return Frame(seen=tuple(_balance(row) for row in event["B"]))
    except Unreadable:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from None
    return Frame(is_end=kind in ENDINGS, is_transfer=kind == "balanceUpdate")


def _execution(event: Mapping[str, Any], symbol_of: Callable[[str], str]) -> tuple[Seen, ...]:
    """The fill first: an order that is called filled has them."""
    symbol, side = symbol_of(event["s"]), Side(event["S"].lower())
    # In the report of a cancellation `c` is the cancelling request's id, and `C` the order's.
    client_order_id = from_venue(event.get("C") or event["c"])
    filled, quote = decimal(event["z"], "z"), decimal(event["Z"], "Z")
    order = VenueOrder(
        venue_order_id=str(int(event["i"])),
        client_order_id=client_order_id,
        symbol=symbol,
        side=side,
        state=_STATES[event["X"]],
        quantity=decimal(event["q"], "q"),
        filled=filled,
        limit_price=decimal(event["p"], "p") or None,
        stop_price=decimal(event["P"], "P") or None,
        average_price=quote / filled if filled else None,
        created_ms=int(event["O"]),
        updated_ms=int(event["T"]),
        raw=dict(event),
    )
    if event["x"] != "TRADE":
        return (order,)
    price, quantity = decimal(event["L"], "L"), decimal(event["l"], "l")
    if price <= 0 or quantity <= 0 or int(event["t"]) < 0:
        raise Unreadable("a trade of nothing")
    trade = VenueTrade(
        venue_order_id=order.venue_order_id,
        client_order_id=client_order_id,
        symbol=symbol,
        side=side,
        fill=VenueFill(
            trade_id=str(event["t"]),
            price=price,
            quantity=quantity,
            fee=decimal(event["n"] or "0", "n"),
            fee_asset=str(event["N"] or ""),
            is_maker=bool(event["m"]),
            ts_event=int(event["T"]) * NS_PER_MS,
        ),
    )
    return (trade, order)


def _balance(row: Mapping[str, Any]) -> VenueBalance:
    free, locked = decimal(row["f"], "f"), decimal(row["l"], "l")
    if free < 0 or locked < Decimal(0):
        raise Unreadable(f"a balance of {row['a']} below zero")
    return VenueBalance(asset=str(row["a"]), total=free + locked, free=free)
