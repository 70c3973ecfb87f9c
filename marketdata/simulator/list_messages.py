"""Order lists as the venue words them, over REST and as user data events."""

from collections.abc import Iterable

from marketdata.simulator.orders import Order, OrderList
from marketdata.simulator.private_messages import placed


def order_list(one: OrderList) -> dict[str, object]:
    """GET /api/v3/orderList."""
    return {
        "orderListId": one.id,
        "contingencyType": _contingency(one),
        "listStatusType": _status_type(one),
        "listOrderStatus": "ALL_DONE" if one.done else "EXECUTING",
        "listClientOrderId": one.client_id,
        "transactionTime": one.update_ms,
        "symbol": one.symbol,
        "orders": [
            {"symbol": one.symbol, "orderId": number, "clientOrderId": client_id}
            for number, client_id in zip(one.order_ids, one.client_ids, strict=True)
        ],
    }


def with_reports(one: OrderList, orders: Iterable[Order]) -> dict[str, object]:
    """The answer to placing or cancelling a list."""
    return order_list(one) | {"orderReports": [placed(order, [], "RESULT") for order in orders]}


def _contingency(one: OrderList) -> str:
    return "OCO" if one.kind == "OCO" else "OTO"


def _status_type(one: OrderList) -> str:
    if one.done:
        return "ALL_DONE"
    return "EXEC_STARTED" if one.update_ms == one.time_ms else "UPDATED"


def status_event(one: OrderList, now_ms: int) -> dict[str, object]:
    """The listStatus event."""
    return {
        "e": "listStatus",
        "E": now_ms,
        "s": one.symbol,
        "g": one.id,
        "c": _contingency(one),
        "l": _status_type(one),
        "L": "ALL_DONE" if one.done else "EXECUTING",
        "r": "NONE",
        "C": one.client_id,
        "T": one.update_ms,
        "O": [
            {"s": one.symbol, "i": number, "c": client_id}
            for number, client_id in zip(one.order_ids, one.client_ids, strict=True)
        ],
    }
