"""One order by our id, in each venue's own way. Gives ccxt's order, or None where a readable answer had none."""

from typing import Any

from bots.brokers.ccxt.dialects import Dialect, FindBy
from bots.brokers.ccxt.ids import from_venue
from bots.brokers.venue import OrderRef

Found = dict[str, Any] | None


async def find_order(exchange: Any, dialect: Dialect, ref: OrderRef, client_id: str) -> Found:
    """Ask for an order. Raises what ccxt raises; the typed refusal of an unknown order is on the wire."""
    if dialect.find_by is FindBy.CLIENT_ID:
        found: Found = await exchange.fetch_order(None, ref.symbol, {"clientOrderId": client_id})
        return found
    if dialect.find_by is FindBy.KRAKEN:
        return await _kraken(exchange, ref, client_id)
    if dialect.find_by is FindBy.BINGX:
        return await _bingx(exchange, ref, client_id)
    if ref.venue_order_id:
        found = await exchange.fetch_order(ref.venue_order_id, ref.symbol)
        return found
    return await _among(exchange, ref)


async def _kraken(exchange: Any, ref: OrderRef, client_id: str) -> Found:
    """Open orders first: one that ends meanwhile is among the closed ones."""
    for method, group in ((exchange.privatePostOpenOrders, "open"), (exchange.privatePostClosedOrders, "closed")):
        answer = await method({"cl_ord_id": client_id, "trades": True})
        orders = answer["result"][group]
        for txid, order in orders.items():
            if from_venue(order.get("cl_ord_id")) == ref.client_order_id:
                found: Found = exchange.parse_order({**order, "id": txid})
                return found
    return None


async def _bingx(exchange: Any, ref: OrderRef, client_id: str) -> Found:
    market = exchange.market(ref.symbol)
    ask = exchange.swapV2PrivateGetTradeOrder if market["swap"] else exchange.spotV1PrivateGetTradeQuery
    answer = await ask({"symbol": market["id"], "clientOrderId": client_id})
    data = answer["data"]
    found: Found = exchange.parse_order(data.get("order", data), market)
    return found


async def _among(exchange: Any, ref: OrderRef) -> Found:
    """By looking: what is not in these lists may still exist, so the caller must not take None for an absence."""
    for name in ("fetchOpenOrders", "fetchOrders", "fetchClosedOrders"):
        if exchange.has.get(name) is not True:
            continue
        method = {"fetchOpenOrders": exchange.fetch_open_orders, "fetchOrders": exchange.fetch_orders}.get(
            name, exchange.fetch_closed_orders
        )
        for order in await method(ref.symbol):
            if from_venue(order.get("clientOrderId")) == ref.client_order_id:
                found: Found = order
                return found
    return None
