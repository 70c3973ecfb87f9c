"""Signed requests of the USD-M futures: orders, positions, wallets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from marketdata.simulator.errors import VenueError
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.numbers import fmt
from marketdata.simulator.orders import Status
from marketdata.simulator.parameters import Params, integer, limit, text
from marketdata.simulator.usdm import private_messages as words
from marketdata.simulator.usdm.account import FuturesVenue
from marketdata.simulator.usdm.engine import MAKER_BPS, TAKER_BPS
from marketdata.simulator.usdm.orders import AlgoOrder, FuturesOrder, Trader
from marketdata.simulator.usdm.requests import flag, named, new_algo, new_order

Row = TypeVar("Row")
Handler = Callable[[FuturesVenue, Params, Trader], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateEndpoint:
    """One signed request; `action` is what faults of sending call it, "" for a question."""

    handler: Handler
    weight: int
    action: str = ""


def place(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    symbol = venue.side.market(text(params, "symbol")).spec.id
    number = venue.engine.next_id("usdm_order")
    order = new_order(params, venue.side.rules(symbol), account_id=trader.id, number=number, now_ms=venue.now_ms)
    venue.judge(trader, order)
    venue.engine.place(order, now_ms=venue.now_ms)
    return words.order(order)


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
    chosen = [order for order in orders if _is_within(params, order.id, order.time_ms, first="orderId")]
    return [words.order(order) for order in _page(params, chosen, first="orderId")]


def user_trades(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    order_id = integer(params, "orderId")
    fills = [
        fill
        for fill in venue.fills(trader, params.get("symbol", ""))
        if order_id in (None, fill.order_id) and _is_within(params, fill.id, fill.time_ms, first="fromId")
    ]
    return [words.fill(fill) for fill in _page(params, fills, first="fromId")]


def _is_within(params: Params, number: int, time_ms: int, *, first: str) -> bool:
    start, end, from_id = integer(params, "startTime"), integer(params, "endTime"), integer(params, first)
    return (
        (start is None or time_ms >= start)
        and (end is None or time_ms <= end)
        and (from_id is None or first == "orderId" or number >= from_id)
    )


def _page(params: Params, rows: list[Row], *, first: str) -> list[Row]:
    count = limit(params, 500, 1000)
    return rows[:count] if params.get(first) or params.get("startTime") else rows[-count:]


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


# Positions and wallets


def _positions(venue: FuturesVenue, trader: Trader, *, every: bool, symbol: str = "") -> list[dict[str, object]]:
    return [
        words.position(
            trader.position(name),
            mark=venue.mark(name),
            asset=market.spec.quote,
            open_margin=venue.engine.open_margin(trader, name),
        )
        for name, market in venue.side.markets.items()
        if symbol in ("", name) and (every or trader.position(name).amount)
    ]


def position_risk(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return _positions(venue, trader, every=False, symbol=params.get("symbol", ""))


def every_position_risk(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return _positions(venue, trader, every=True, symbol=params.get("symbol", ""))


def _asset(venue: FuturesVenue, trader: Trader, asset: str) -> dict[str, object]:
    wallet, profit, held, maintained, wanted = trader.wallets.get(asset, 0), 0, 0, 0, 0
    for symbol, market in venue.side.markets.items():
        if market.spec.quote == asset:
            position = trader.position(symbol)
            notional = abs(position.amount) * venue.mark(symbol) // 10**8
            profit += position.worth(venue.mark(symbol))
            held += notional // position.leverage
            maintained += notional // words.MAINTENANCE
            wanted += venue.engine.open_margin(trader, symbol)
    available = fmt(max(0, venue.engine.available(trader, asset)))
    return {
        "asset": asset,
        "walletBalance": fmt(wallet),
        "unrealizedProfit": fmt(profit),
        "marginBalance": fmt(wallet + profit),
        "maintMargin": fmt(maintained),
        "initialMargin": fmt(held + wanted),
        "positionInitialMargin": fmt(held),
        "openOrderInitialMargin": fmt(wanted),
        "crossWalletBalance": fmt(wallet),
        "crossUnPnl": fmt(profit),
        "availableBalance": available,
        "maxWithdrawAmount": available,
        "marginAvailable": True,
        "updateTime": venue.now_ms,
    }


_TOTALS = {
    "totalInitialMargin": "initialMargin",
    "totalMaintMargin": "maintMargin",
    "totalWalletBalance": "walletBalance",
    "totalUnrealizedProfit": "unrealizedProfit",
    "totalMarginBalance": "marginBalance",
    "totalPositionInitialMargin": "positionInitialMargin",
    "totalOpenOrderInitialMargin": "openOrderInitialMargin",
    "totalCrossWalletBalance": "crossWalletBalance",
    "totalCrossUnPnl": "crossUnPnl",
    "availableBalance": "availableBalance",
    "maxWithdrawAmount": "maxWithdrawAmount",
}


def account(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    assets = [_asset(venue, trader, asset) for asset in sorted(trader.wallets.keys() | {"USDT"})]
    dollars = next(row for row in assets if row["asset"] == "USDT")
    return {
        **{total: dollars[name] for total, name in _TOTALS.items()},
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": False,
        "multiAssetsMargin": False,
        "updateTime": 0,
        "assets": assets,
        "positions": _positions(venue, trader, every=False),
    }


def balance(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    rows = [_asset(venue, trader, asset) for asset in sorted(trader.wallets.keys() | {"USDT"})]
    return [{**row, "accountAlias": f"sim-{trader.id}", "balance": row["walletBalance"]} for row in rows]


def income(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    kind = params.get("incomeType")
    rows = [
        row
        for row in venue.ledger.incomes(trader.id, params.get("symbol", ""))
        if kind in (None, "", row.kind) and _is_within(params, row.id, row.time_ms, first="fromId")
    ]
    return [words.income(row) for row in _page(params, rows, first="fromId")]


def set_leverage(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    symbol = venue.side.market(text(params, "symbol")).spec.id
    leverage = integer(params, "leverage") or 0
    if not 1 <= leverage <= 20:
        raise VenueError(-4028, f"Leverage {leverage} is not valid")
    with venue.engine.operation() as changes:
        position = trader.position(symbol)
        position.leverage = leverage
        changes.positions[trader.id, symbol] = position
    return {"leverage": leverage, "maxNotionalValue": "1000000000", "symbol": symbol}


def set_margin_type(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    if text(params, "marginType").upper() != "CROSSED":
        raise VenueError(-4047, "This venue has cross margin only.")
    raise VenueError(-4046, "No need to change margin type.")


def position_mode(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return {"dualSidePosition": False}


def set_position_mode(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    if flag(params, "dualSidePosition"):
        raise VenueError(-4068, "This venue has one-way positions only.")
    raise VenueError(-4059, "No need to change position side.")


def leverage_brackets(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    bracket = {
        "bracket": 1,
        "initialLeverage": 20,
        "notionalCap": 1_000_000_000,
        "notionalFloor": 0,
        "maintMarginRatio": 1 / words.MAINTENANCE,
        "cum": 0.0,
    }
    return [{"symbol": symbol, "brackets": [bracket]} for symbol in venue.side.markets]


def symbol_config(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return [
        {
            "symbol": symbol,
            "marginType": "CROSSED",
            "isAutoAddMargin": False,
            "leverage": trader.position(symbol).leverage,
            "maxNotionalValue": "1000000000",
        }
        for symbol in venue.side.markets
        if params.get("symbol") in (None, "", symbol)
    ]


def commission_rate(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return {
        "symbol": text(params, "symbol"),
        "makerCommissionRate": f"{MAKER_BPS / 10_000:.6f}",
        "takerCommissionRate": f"{TAKER_BPS / 10_000:.6f}",
    }


def account_config(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return {"feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": False, "dualSidePosition": False,
            "multiAssetsMargin": False, "updateTime": 0}  # fmt: skip


def _asks(handler: Handler, weight: int) -> PrivateEndpoint:
    return PrivateEndpoint(handler=handler, weight=weight)


def _acts(handler: Handler, action: str) -> PrivateEndpoint:
    return PrivateEndpoint(handler=handler, weight=1, action=action)


PRIVATE: Mapping[tuple[str, str], PrivateEndpoint] = {
    ("POST", "/fapi/v1/order"): _acts(place, "place"),
    ("GET", "/fapi/v1/order"): _asks(query, 1),
    ("DELETE", "/fapi/v1/order"): _acts(cancel, "cancel"),
    ("GET", "/fapi/v1/openOrder"): _asks(query_open, 1),
    ("GET", "/fapi/v1/openOrders"): _asks(open_orders, 1),
    ("DELETE", "/fapi/v1/allOpenOrders"): _acts(cancel_all, "cancel"),
    ("GET", "/fapi/v1/allOrders"): _asks(all_orders, 5),
    ("GET", "/fapi/v1/userTrades"): _asks(user_trades, 5),
    ("POST", "/fapi/v1/algoOrder"): _acts(place_algo, "place"),
    ("GET", "/fapi/v1/algoOrder"): _asks(query_algo, 1),
    ("DELETE", "/fapi/v1/algoOrder"): _acts(cancel_algo, "cancel"),
    ("DELETE", "/fapi/v1/algoOpenOrders"): _acts(cancel_all_algos, "cancel"),
    ("GET", "/fapi/v1/openAlgoOrders"): _asks(open_algos, 1),
    ("GET", "/fapi/v1/allAlgoOrders"): _asks(all_algos, 5),
    ("GET", "/fapi/v2/positionRisk"): _asks(every_position_risk, 5),
    ("GET", "/fapi/v3/positionRisk"): _asks(position_risk, 5),
    ("GET", "/fapi/v2/account"): _asks(account, 5),
    ("GET", "/fapi/v3/account"): _asks(account, 5),
    ("GET", "/fapi/v2/balance"): _asks(balance, 5),
    ("GET", "/fapi/v3/balance"): _asks(balance, 5),
    ("GET", "/fapi/v1/income"): _asks(income, 30),
    ("POST", "/fapi/v1/leverage"): _asks(set_leverage, 1),
    ("POST", "/fapi/v1/marginType"): _asks(set_margin_type, 1),
    ("GET", "/fapi/v1/positionSide/dual"): _asks(position_mode, 30),
    ("POST", "/fapi/v1/positionSide/dual"): _asks(set_position_mode, 1),
    ("GET", "/fapi/v1/leverageBracket"): _asks(leverage_brackets, 1),
    ("GET", "/fapi/v1/symbolConfig"): _asks(symbol_config, 5),
    ("GET", "/fapi/v1/commissionRate"): _asks(commission_rate, 20),
    ("GET", "/fapi/v1/accountConfig"): _asks(account_config, 5),
}
