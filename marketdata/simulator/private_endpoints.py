"""Signed requests: orders, fills, balances."""

from dataclasses import replace

from marketdata.simulator import private_messages
from marketdata.simulator.errors import VenueError
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.orders import Account, Order, Status
from marketdata.simulator.parameters import Params, client_order_id, generated_id, integer, limit, new_order, text
from marketdata.simulator.venue import Venue

_RESPONSES = ("ACK", "RESULT", "FULL")
_DAY_MS = 86_400_000
# When every key was made, for want of anything better: 2024-01-01.
_LISTED_MS = 1_704_067_200_000


def place(venue: Venue, params: Params, account: Account) -> object:
    new = new_order(params, generated_id=generated_id())
    venue.market(new.symbol)
    response = (params.get("newOrderRespType") or private_messages.default_response(new.type)).upper()
    if response not in _RESPONSES:
        raise VenueError(-1118, "Invalid newOrderRespType.")
    order, fills = venue.engine.place(account, new, now_ms=venue.clock.now_ms())
    told = venue.view.fills(fills, now_ms=venue.clock.now_ms())
    return private_messages.placed(order, told, response)


def test(venue: Venue, params: Params, account: Account) -> object:
    new = new_order(params, generated_id=generated_id())
    venue.market(new.symbol)
    venue.engine.test(account, new)
    return {}


def named_order(venue: Venue, params: Params, account: Account) -> Order | None:
    """The order a request names: the open one, else the newest in the ledger."""
    symbol = venue.market(text(params, "symbol")).spec.id
    order_id, client_id = integer(params, "orderId"), params.get("origClientOrderId") or None
    if order_id is None and client_id is None:
        raise VenueError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    for order in account.open_orders.values():
        if order.symbol == symbol and (
            order.id == order_id or (order_id is None and order.client_order_id == client_id)
        ):
            return order
    return venue.ledger.order(account.id, symbol, order_id=order_id, client_order_id=client_id)


def query(venue: Venue, params: Params, account: Account) -> object:
    order = venue.view.order(named_order(venue, params, account), now_ms=venue.clock.now_ms())
    if order is None:
        raise VenueError(-2013, "Order does not exist.")
    return private_messages.order(order)


def cancel(venue: Venue, params: Params, account: Account) -> object:
    order = named_order(venue, params, account)
    if order is not None:
        venue.hand.before_cancel(order, now_ms=venue.clock.now_ms())
    if order is None or order.id not in account.open_orders:
        raise VenueError(-2011, "Unknown order sent.")
    return _cancel(venue, order, client_order_id(params, "newClientOrderId", generated_id()))


def _cancel(venue: Venue, order: Order, cancel_id: str) -> object:
    now_ms = venue.clock.now_ms()
    if venue.faults.strike(Fault.SWALLOW_CANCEL) is not None:
        # Nothing happens, and the answer says it did.
        return private_messages.canceled(replace(order, status=Status.CANCELED, update_ms=now_ms), cancel_id)
    venue.engine.cancel(order, now_ms=now_ms, cancel_id=cancel_id)
    return private_messages.canceled(order, cancel_id)


def cancel_all(venue: Venue, params: Params, account: Account) -> object:
    symbol = venue.market(text(params, "symbol")).spec.id
    orders = [order for order in account.open_orders.values() if order.symbol == symbol]
    if not orders:
        raise VenueError(-2011, "Unknown order sent.")
    for order in orders:
        venue.hand.before_cancel(order, now_ms=venue.clock.now_ms())
    return [_cancel(venue, order, generated_id()) for order in orders if order.is_open]


def open_orders(venue: Venue, params: Params, account: Account) -> object:
    symbol = params.get("symbol")
    if symbol:
        venue.market(symbol)
    orders = {order.id: order for order in [*venue.view.recently_open(account.id), *account.open_orders.values()]}
    shown = venue.view.orders((orders[number] for number in sorted(orders)), now_ms=venue.clock.now_ms())
    return [
        private_messages.order(order) for order in shown if order.is_open and (not symbol or order.symbol == symbol)
    ]


def _span(params: Params) -> tuple[int | None, int | None]:
    start, end = integer(params, "startTime"), integer(params, "endTime")
    if start is not None and end is not None:
        if end < start:
            raise VenueError(-1127, "Start time is greater than end time.")
        if end - start > _DAY_MS:
            raise VenueError(-1127, "More than 24 hours between startTime and endTime.")
    return start, end


def all_orders(venue: Venue, params: Params, account: Account) -> object:
    symbol = venue.market(text(params, "symbol")).spec.id
    start, end = _span(params)
    orders = venue.ledger.orders(
        account.id,
        symbol,
        from_id=integer(params, "orderId"),
        start_ms=start,
        end_ms=end,
        limit=limit(params, 500, 1000),
    )
    return [private_messages.order(order) for order in venue.view.orders(orders, now_ms=venue.clock.now_ms())]


def my_trades(venue: Venue, params: Params, account: Account) -> object:
    symbol = venue.market(text(params, "symbol")).spec.id
    start, end = _span(params)
    fills = venue.ledger.fills(
        account.id,
        symbol,
        from_id=integer(params, "fromId"),
        start_ms=start,
        end_ms=end,
        order_id=integer(params, "orderId"),
        limit=limit(params, 500, 1000),
    )
    return [private_messages.fill(fill) for fill in venue.view.fills(fills, now_ms=venue.clock.now_ms())]


def account(venue: Venue, params: Params, account: Account) -> object:
    return private_messages.account(
        account,
        maker_bps=venue.fees.maker_bps,
        taker_bps=venue.fees.taker_bps,
        now_ms=venue.clock.now_ms(),
        omit_zero=params.get("omitZeroBalances") == "true",
    )


def commission(venue: Venue, params: Params, account: Account) -> object:
    symbol = venue.market(text(params, "symbol")).spec.id
    none = {"maker": "0.00000000", "taker": "0.00000000", "buyer": "0.00000000", "seller": "0.00000000"}
    standard = {
        **none,
        "maker": f"{venue.fees.maker_bps / 10_000:.8f}",
        "taker": f"{venue.fees.taker_bps / 10_000:.8f}",
    }
    return {"symbol": symbol, "standardCommission": standard, "taxCommission": none, "specialCommission": none}


def restrictions(venue: Venue, params: Params, account: Account) -> object:
    return venue.key_scope.restrictions(created_ms=_LISTED_MS)


def create_listen_key(venue: Venue, params: Params, account: Account) -> object:
    return {"listenKey": venue.listen_keys.create(account.id, now_ms=venue.clock.now_ms())}


def keep_listen_key(venue: Venue, params: Params, account: Account) -> object:
    venue.listen_keys.keep(account.id, params.get("listenKey"), now_ms=venue.clock.now_ms())
    return {}


def close_listen_key(venue: Venue, params: Params, account: Account) -> object:
    venue.listen_keys.close(account.id, params.get("listenKey"), now_ms=venue.clock.now_ms())
    return {}
