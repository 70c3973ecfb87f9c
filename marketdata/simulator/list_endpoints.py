"""Signed requests about order lists: OCO, OTO, OTOCO."""

from collections.abc import Mapping

from marketdata.simulator import list_messages
from marketdata.simulator.errors import VenueError, missing, rejected
from marketdata.simulator.orders import Account, NewOrder, OrderList, OrderType, Side
from marketdata.simulator.parameters import Params, client_order_id, generated_id, integer, limit, new_order, text
from marketdata.simulator.venue import Venue

_LEG = ("Type", "Side", "ClientOrderId", "Price", "StopPrice", "TrailingDelta", "Quantity", "TimeInForce", "IcebergQty")


def _leg(params: Params, prefix: str, *, side: str = "", quantity: str = "") -> NewOrder:
    """The order whose parameters begin with a prefix, such as aboveType and abovePrice."""
    if not params.get(f"{prefix}Type"):
        raise missing(f"{prefix}Type")
    given = {name[0].lower() + name[1:]: params[prefix + name] for name in _LEG if params.get(prefix + name)}
    if "clientOrderId" in given:
        given["newClientOrderId"] = given.pop("clientOrderId")
    shared = {"side": side, "quantity": quantity} if side else {}
    return new_order(
        {
            "symbol": text(params, "symbol"),
            "selfTradePreventionMode": params.get("selfTradePreventionMode", ""),
            **shared,
            **given,
        },
        generated_id=generated_id(),
    )


def oco(venue: Venue, params: Params, account: Account) -> object:
    """POST /api/v3/orderList/oco."""
    side, quantity = text(params, "side"), text(params, "quantity")
    above, below = (_leg(params, name, side=side, quantity=quantity) for name in ("above", "below"))
    return _placed(venue, params, account, kind="OCO", working=None, legs=_rivals(venue, above, below))


def old_oco(venue: Venue, params: Params, account: Account) -> object:
    """POST /api/v3/order/oco, the older form."""
    stop_limit = params.get("stopLimitPrice")
    limit_leg: Mapping[str, str] = {
        "Type": "LIMIT_MAKER",
        "Price": text(params, "price"),
        "ClientOrderId": params.get("limitClientOrderId", ""),
        "IcebergQty": params.get("limitIcebergQty", ""),
    }
    stop_leg: Mapping[str, str] = {
        "Type": "STOP_LOSS_LIMIT" if stop_limit else "STOP_LOSS",
        "Price": stop_limit or "",
        "StopPrice": params.get("stopPrice", ""),
        "TrailingDelta": params.get("trailingDelta", ""),
        "TimeInForce": params.get("stopLimitTimeInForce", ""),
        "ClientOrderId": params.get("stopClientOrderId", ""),
    }
    above, below = (limit_leg, stop_leg) if text(params, "side").upper() == "SELL" else (stop_leg, limit_leg)
    legs = {
        f"{prefix}{name}": value for prefix, leg in (("above", above), ("below", below)) for name, value in leg.items()
    }
    return oco(venue, {**params, **legs}, account)


def oto(venue: Venue, params: Params, account: Account) -> object:
    """POST /api/v3/orderList/oto."""
    return _placed(venue, params, account, kind="OTO", working=_working(params), legs=[_leg(params, "pending")])


def otoco(venue: Venue, params: Params, account: Account) -> object:
    """POST /api/v3/orderList/otoco."""
    side, quantity = text(params, "pendingSide"), text(params, "pendingQuantity")
    legs = [_leg(params, name, side=side, quantity=quantity) for name in ("pendingAbove", "pendingBelow")]
    return _placed(venue, params, account, kind="OTOCO", working=_working(params), legs=legs)


def _working(params: Params) -> NewOrder:
    order = _leg(params, "working")
    if order.type not in (OrderType.LIMIT, OrderType.LIMIT_MAKER):
        raise VenueError(-1116, "Invalid orderType.")
    return order


def _rivals(venue: Venue, above: NewOrder, below: NewOrder) -> list[NewOrder]:
    """Raises -2010 when the market is not between them."""
    last = venue.market(above.symbol).last_price
    top, bottom = (order.stop_price or order.price for order in (above, below))
    is_between = (not top or top > last) and (not bottom or bottom < last)
    loss = below if above.side is Side.SELL else above
    if not is_between or not loss.type.startswith("STOP_LOSS"):
        raise rejected("The relationship of the prices for the orders is not correct.")
    return [above, below]


def _placed(
    venue: Venue, params: Params, account: Account, *, kind: str, working: NewOrder | None, legs: list[NewOrder]
) -> object:
    venue.market(legs[0].symbol)
    client_id = client_order_id(params, "listClientOrderId", generated_id())
    if any(one.client_id == client_id for one in venue.engine.lists.all_open(account.id)):
        raise rejected("Duplicate order sent.")
    made, orders = venue.engine.place_list(
        account, kind=kind, client_id=client_id, working=working, legs=legs, now_ms=venue.clock.now_ms()
    )
    return list_messages.with_reports(made, orders)


def cancel(venue: Venue, params: Params, account: Account) -> object:
    """DELETE /api/v3/orderList."""
    number, client_id = integer(params, "orderListId"), params.get("listClientOrderId")
    one = venue.engine.lists.find(account.id, list_id=number, client_id=client_id)
    if one is None:
        raise VenueError(-2011, "Unknown order list sent.")
    orders = venue.engine.lists.orders(one)
    venue.engine.cancel(orders[0], now_ms=venue.clock.now_ms(), cancel_id=generated_id())
    return list_messages.with_reports(one, orders)


def query(venue: Venue, params: Params, account: Account) -> object:
    """GET /api/v3/orderList."""
    number, client_id = integer(params, "orderListId"), params.get("origClientOrderId")
    for one in _all(venue, account):
        if one.id == number or (number is None and one.client_id == client_id):
            return list_messages.order_list(one)
    raise VenueError(-2018, "Order list does not exist.")


def every(venue: Venue, params: Params, account: Account) -> object:
    """GET /api/v3/allOrderList."""
    return [list_messages.order_list(one) for one in _all(venue, account)[-limit(params, 500, 1000) :]]


def all_open(venue: Venue, params: Params, account: Account) -> object:
    """GET /api/v3/openOrderList."""
    return [list_messages.order_list(one) for one in venue.engine.lists.all_open(account.id)]


def _all(venue: Venue, account: Account) -> list[OrderList]:
    return venue.ledger.lists.of(account.id)
