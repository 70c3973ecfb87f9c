"""Signed requests of the USD-M futures about orders, plain and conditional."""

import time
from collections.abc import Callable
from dataclasses import replace

import msgspec

from marketdata.simulator.errors import VenueError, illegal, rejected
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.orders import Status
from marketdata.simulator.parameters import Params, integer, text
from marketdata.simulator.usdm import private_messages as words
from marketdata.simulator.usdm.account import FuturesVenue
from marketdata.simulator.usdm.orders import AlgoOrder, FuturesOrder, Trader
from marketdata.simulator.usdm.paging import is_within, page
from marketdata.simulator.usdm.requests import named, new_algo, new_order


def place(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    symbol = venue.side.market(text(params, "symbol")).spec.id
    number = venue.engine.next_id("usdm_order")
    order = new_order(params, venue.side.rules(symbol), account_id=trader.id, number=number, now_ms=venue.now_ms)
    venue.judge(trader, order)
    venue.engine.place(order, now_ms=venue.now_ms)
    return words.order(order)


def place_batch(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    """Up to five orders, each accepted or refused by itself."""
    return [_one_of(venue, order, trader, place, leg="new") for order in _batch(params, "batchOrders")]


def cancel_batch(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    symbol = text(params, "symbol")
    name, wished = (
        ("orderId", "orderIdList") if params.get("orderIdList") else ("origClientOrderId", "origClientOrderIdList")
    )
    return [
        _one_of(venue, {"symbol": symbol, name: str(value)}, trader, cancel, leg="cancel")
        for value in _list(params, wished)
    ]


def _one_of(
    venue: FuturesVenue,
    params: Params,
    trader: Trader,
    work: Callable[[FuturesVenue, Params, Trader], object],
    *,
    leg: str,
) -> object:
    fails = venue.side.faults.lasting(Fault.FAIL_LEG, time.monotonic())
    try:
        if fails is not None and fails.kind == leg and venue.side.faults.strike(Fault.FAIL_LEG) is not None:
            raise VenueError(-2011, "Unknown order sent.") if leg == "cancel" else rejected("Order was rejected.")
        return work(venue, params, trader)
    except VenueError as refused:
        return refused.body


def _batch(params: Params, name: str) -> list[dict[str, str]]:
    orders = _list(params, name)
    if len(orders) > 5 or not all(isinstance(order, dict) for order in orders):
        raise illegal(name, "a list of at most 5 orders")
    return [{key: str(value) for key, value in order.items()} for order in orders if isinstance(order, dict)]


def _list(params: Params, name: str) -> list[object]:
    try:
        return msgspec.json.decode(text(params, name), type=list[object])
    except msgspec.DecodeError:
        raise illegal(name, "a list") from None


def _named(venue: FuturesVenue, params: Params, trader: Trader) -> FuturesOrder | None:
    symbol = venue.side.market(text(params, "symbol")).spec.id
    number, client_id = named(params, number="orderId", client="origClientOrderId")
    for order in trader.open_orders.values():
        if order.symbol == symbol and (order.id == number or (number is None and order.client_order_id == client_id)):
            return order
    return venue.ledger.order(trader.id, symbol, order_id=number, client_id=client_id)


def query(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    order = venue.view.order(_named(venue, params, trader), now_ms=venue.now_ms)
    if order is None:
        raise VenueError(-2013, "Order does not exist.")
    return words.order(order)


def query_open(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    order = venue.view.order(_named(venue, params, trader), now_ms=venue.now_ms)
    if order is None or not order.is_open:
        raise VenueError(-2013, "Order does not exist.")
    return words.order(order)


def cancel(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    order = _named(venue, params, trader)
    if order is not None:
        venue.before_cancel(order)
    if order is None or not order.is_open:
        raise VenueError(-2011, "Unknown order sent.")
    if venue.side.faults.strike(Fault.SWALLOW_CANCEL) is not None:
        return words.order(replace(order, status=Status.CANCELED, update_ms=venue.now_ms))
    venue.cancel(order)
    return words.order(order)


def cancel_all(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    symbol = venue.side.market(text(params, "symbol")).spec.id
    if venue.side.faults.strike(Fault.SWALLOW_CANCEL) is None:
        venue.cancel_all(trader, symbol)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def open_orders(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    symbol = params.get("symbol")
    lately = venue.view.recently_open(trader.id)
    orders = {order.id: order for order in [*lately, *trader.open_orders.values()]}
    shown = venue.view.orders((orders[number] for number in sorted(orders)), now_ms=venue.now_ms)
    return [words.order(order) for order in shown if order.is_open and (not symbol or order.symbol == symbol)]


def all_orders(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    orders = venue.view.orders(venue.ledger.orders(trader.id, text(params, "symbol")), now_ms=venue.now_ms)
    chosen = [order for order in orders if is_within(params, order.id, order.time_ms, first="orderId")]
    return [words.order(order) for order in page(params, chosen, first="orderId")]


def user_trades(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    order_id = integer(params, "orderId")
    fills = [
        fill
        for fill in venue.fills(trader, params.get("symbol", ""))
        if order_id in (None, fill.order_id) and is_within(params, fill.id, fill.time_ms, first="fromId")
    ]
    return [words.fill(fill) for fill in page(params, fills, first="fromId")]


def place_algo(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    symbol = venue.side.market(text(params, "symbol")).spec.id
    algo = new_algo(
        params, venue.side.rules(symbol), account_id=trader.id, number=venue.next_algo_id(), now_ms=venue.now_ms
    )
    if any(other.client_id == algo.client_id for other in trader.algos.values()):
        raise VenueError(-4116, "ClientOrderId is duplicated.")
    venue.algos.place(algo, now_ms=venue.now_ms)
    return words.algo(algo)


def _named_algo(venue: FuturesVenue, params: Params, trader: Trader) -> AlgoOrder:
    number, client_id = named(params, number="algoId", client="clientAlgoId")
    for algo in trader.algos.values():
        if algo.id == number or (number is None and algo.client_id == client_id):
            return algo
    ended = venue.ledger.algo(trader.id, algo_id=number, client_id=client_id)
    if ended is None:
        raise VenueError(-2013, "Order does not exist.")
    return ended


def query_algo(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return words.algo(_named_algo(venue, params, trader))


def cancel_algo(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    algo = _named_algo(venue, params, trader)
    if not algo.is_open:
        raise VenueError(-2011, "Unknown order sent.")
    if venue.side.faults.strike(Fault.SWALLOW_CANCEL) is None:
        venue.algos.end(algo, "CANCELED", now_ms=venue.now_ms)
    return {"algoId": algo.id, "clientAlgoId": algo.client_id, "code": "200", "msg": "success"}


def cancel_all_algos(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    for algo in [algo for algo in trader.algos.values() if algo.symbol == text(params, "symbol")]:
        venue.algos.end(algo, "CANCELED", now_ms=venue.now_ms)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def open_algos(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return [words.algo(algo) for algo in trader.algos.values() if params.get("symbol") in (None, "", algo.symbol)]


def all_algos(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return [words.algo(algo) for algo in venue.ledger.algos(trader.id, text(params, "symbol"))]
