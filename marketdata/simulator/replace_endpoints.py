"""Signed requests that change an order: cancel-replace, whose legs may fail one without the other, and amend."""

import time
from collections.abc import Callable

from marketdata.simulator import private_messages
from marketdata.simulator.errors import VenueError, missing, rejected
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.orders import Account
from marketdata.simulator.parameters import Params, amount, client_order_id, generated_id, new_order, text
from marketdata.simulator.private_endpoints import cancel, named_order, place
from marketdata.simulator.venue import Venue

_CANCEL_NAMES = {
    "cancelOrderId": "orderId",
    "cancelOrigClientOrderId": "origClientOrderId",
    "cancelNewClientOrderId": "newClientOrderId",
}


def cancel_replace(venue: Venue, params: Params, account: Account) -> object:
    """POST /api/v3/order/cancelReplace. Raises -2022 when both legs failed, -2021 (409) when one did."""
    mode = text(params, "cancelReplaceMode")
    if mode not in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
        raise VenueError(-1145, "Invalid cancelReplaceMode.")
    if not params.get("cancelOrderId") and not params.get("cancelOrigClientOrderId"):
        raise missing("cancelOrderId")
    new_order(params, generated_id="judged-first")
    wish = {"symbol": text(params, "symbol")} | {
        name: params[given] for given, name in _CANCEL_NAMES.items() if params.get(given)
    }
    cancelled, is_cancelled = _leg(venue, "cancel", lambda: cancel(venue, wish, account))
    if not is_cancelled and mode == "STOP_ON_FAILURE":
        raise _failed(-2022, "FAILURE", "NOT_ATTEMPTED", cancelled, None)
    placed, is_placed = _leg(venue, "new", lambda: place(venue, params, account))
    results = tuple("SUCCESS" if done else "FAILURE" for done in (is_cancelled, is_placed))
    if not is_cancelled or not is_placed:
        code = -2021 if is_cancelled or is_placed else -2022
        raise _failed(code, results[0], results[1], cancelled, placed)
    return {
        "cancelResult": results[0],
        "newOrderResult": results[1],
        "cancelResponse": cancelled,
        "newOrderResponse": placed,
    }


def _leg(venue: Venue, name: str, work: Callable[[], object]) -> tuple[object, bool]:
    fails = venue.faults.lasting(Fault.FAIL_LEG, time.monotonic())
    try:
        if fails is not None and fails.kind == name and venue.faults.strike(Fault.FAIL_LEG) is not None:
            raise VenueError(-2011, "Unknown order sent.") if name == "cancel" else rejected("Order was rejected.")
        return work(), True
    except VenueError as refused:
        return refused.body, False


def _failed(code: int, cancelled: str, placed: str, cancel_answer: object, answer: object) -> VenueError:
    is_partial = code == -2021
    return VenueError(
        code,
        "Order cancel-replace partially failed." if is_partial else "Order cancel-replace failed.",
        status=409 if is_partial else 400,
        data={
            "cancelResult": cancelled,
            "newOrderResult": placed,
            "cancelResponse": cancel_answer,
            "newOrderResponse": answer,
        },
    )


def amend(venue: Venue, params: Params, account: Account) -> object:
    """PUT /api/v3/order/amend/keepPriority."""
    order = named_order(venue, params, account)
    if order is None or order.id not in account.open_orders:
        raise VenueError(-2013, "Order does not exist.")
    venue.engine.amend(
        order,
        quantity=amount(params, "newQty", required=True),
        client_order_id=client_order_id(params, "newClientOrderId", generated_id()),
        now_ms=venue.clock.now_ms(),
    )
    return {
        "transactTime": order.update_ms,
        "executionId": order.id * 2,
        "amendedOrder": private_messages.order(order),
    }
