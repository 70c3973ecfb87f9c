"""The requests behind `trades` and `recent_orders`: which pages a venue has, and how to ask for each."""

from collections.abc import Awaitable, Callable
from typing import Any

from bots.brokers.ccxt.asking import Asker
from bots.brokers.ccxt.dialects import Dialect
from bots.brokers.ccxt.history import Row, by_halves, by_id
from bots.brokers.venue import VenueUnavailable

# Venues stamp a fill a little before they show it.
OVERLAP_MS = 1_000


async def trade_rows(
    exchange: Any, dialect: Dialect, asker: Asker, symbol: str, since_ms: int, now_ms: int
) -> list[Row]:
    """ccxt's trades of the account, oldest first where the venue pages by id. Raises VenueUnavailable."""
    begun_ms, until_ms = since_ms - OVERLAP_MS, now_ms + OVERLAP_MS
    if dialect.by_id:
        method = exchange.fapiPrivateGetUserTrades if dialect.ccxt_id == "binanceusdm" else exchange.privateGetMyTrades
        rows = await _binance(method, exchange, dialect, asker, symbol, begun_ms, until_ms, "fromId", "id")
        return list(exchange.parse_trades(rows, exchange.market(symbol)))
    _must_have(exchange, "fetchMyTrades")
    return await _halves(exchange.fetch_my_trades, dialect, asker, symbol, begun_ms, until_ms)


async def order_rows(
    exchange: Any, dialect: Dialect, asker: Asker, symbol: str, since_ms: int, now_ms: int
) -> list[Row]:
    """ccxt's orders of a symbol, ended ones too. Raises VenueUnavailable."""
    begun_ms, until_ms = since_ms - OVERLAP_MS, now_ms + OVERLAP_MS
    if dialect.by_id:
        method = exchange.fapiPrivateGetAllOrders if dialect.ccxt_id == "binanceusdm" else exchange.privateGetAllOrders
        rows = await _binance(method, exchange, dialect, asker, symbol, begun_ms, until_ms, "orderId", "orderId")
        return list(exchange.parse_orders(rows, exchange.market(symbol)))
    if exchange.has.get("fetchOrders") is True:
        return await _halves(exchange.fetch_orders, dialect, asker, symbol, begun_ms, until_ms)
    _must_have(exchange, "fetchClosedOrders")
    _must_have(exchange, "fetchOpenOrders")
    opened = await asker.question(lambda: exchange.fetch_open_orders(symbol))
    closed = await _halves(exchange.fetch_closed_orders, dialect, asker, symbol, begun_ms, until_ms)
    # One that ended between the two questions is in both; how it ended is what counts.
    return list(({order["id"]: order for order in opened} | {order["id"]: order for order in closed}).values())


async def _binance(
    method: Callable[[dict[str, Any]], Awaitable[list[Row]]],
    exchange: Any,
    dialect: Dialect,
    asker: Asker,
    symbol: str,
    since_ms: int,
    until_ms: int,
    from_name: str,
    id_name: str,
) -> list[Row]:
    basis = {"symbol": exchange.market(symbol)["id"], "limit": dialect.page}

    async def span(begun_ms: int, ended_ms: int) -> list[Row]:
        return _rows(await asker.question(lambda: method(basis | {"startTime": begun_ms, "endTime": ended_ms})))

    async def onwards(first: int) -> list[Row]:
        return _rows(await asker.question(lambda: method(basis | {from_name: first})))

    return await by_id(
        span,
        onwards,
        since_ms=since_ms,
        until_ms=until_ms,
        window_ms=dialect.window_ms,
        page=dialect.page,
        id_name=id_name,
    )


async def _halves(
    method: Callable[..., Awaitable[list[Row]]],
    dialect: Dialect,
    asker: Asker,
    symbol: str,
    since_ms: int,
    until_ms: int,
) -> list[Row]:
    async def span(begun_ms: int, ended_ms: int) -> list[Row]:
        return _rows(await asker.question(lambda: method(symbol, begun_ms, dialect.page_asked, {"until": ended_ms})))

    return await by_halves(
        span,
        since_ms=since_ms,
        until_ms=until_ms,
        window_ms=dialect.window_ms,
        page=dialect.page,
        key=lambda row: str(row["id"]),
    )


def _rows(answer: Any) -> list[Row]:
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise VenueUnavailable("The venue answered a question for a list with something else.")
    return answer


def _must_have(exchange: Any, name: str) -> None:
    if exchange.has.get(name) is not True:
        raise VenueUnavailable(
            f"{exchange.name} has no {name}: its history cannot be read, so nothing may be traded there."
        )
