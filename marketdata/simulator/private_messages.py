"""Orders, fills and balances as the venue words them, over REST and as user data events."""

from collections.abc import Iterable

from marketdata.simulator.booking import Report
from marketdata.simulator.numbers import fmt
from marketdata.simulator.orders import Account, Fill, Order, OrderType


def order(record: Order) -> dict[str, object]:
    """GET /api/v3/order."""
    return {
        **_core(record),
        "stopPrice": fmt(record.stop_price),
        "icebergQty": fmt(record.iceberg),
        **({"trailingDelta": record.trailing_delta} if record.trailing_delta else {}),
        "time": record.time_ms,
        "updateTime": record.update_ms,
        "isWorking": record.working,
        "workingTime": record.working_ms,
        "origQuoteOrderQty": fmt(record.quote_quantity),
    }


def _core(record: Order) -> dict[str, object]:
    return {
        "symbol": record.symbol,
        "orderId": record.id,
        "orderListId": record.list_id,
        "clientOrderId": record.client_order_id,
        "price": fmt(record.price),
        "origQty": fmt(record.quantity),
        "executedQty": fmt(record.executed),
        "cummulativeQuoteQty": fmt(record.executed_quote),
        "status": record.status.value,
        "timeInForce": record.time_in_force.value,
        "type": record.type.value,
        "side": record.side.value,
        "selfTradePreventionMode": record.self_trade.value,
    }


def placed(record: Order, fills: Iterable[Fill], response: str) -> dict[str, object]:
    """POST /api/v3/order: ACK, RESULT or FULL."""
    ack: dict[str, object] = {
        "symbol": record.symbol,
        "orderId": record.id,
        "orderListId": record.list_id,
        "clientOrderId": record.client_order_id,
        "transactTime": record.update_ms,
    }
    if response == "ACK":
        return ack
    result = ack | _core(record) | {"workingTime": record.working_ms, "origQuoteOrderQty": fmt(record.quote_quantity)}
    if record.stop_price:
        result["stopPrice"] = fmt(record.stop_price)
    if response == "FULL":
        result["fills"] = [
            {
                "price": fmt(fill.price),
                "qty": fmt(fill.quantity),
                "commission": fmt(fill.commission),
                "commissionAsset": fill.commission_asset,
                "tradeId": fill.id,
            }
            for fill in fills
        ]
    return result


def default_response(kind: OrderType) -> str:
    return "FULL" if kind in (OrderType.MARKET, OrderType.LIMIT) else "ACK"


def canceled(record: Order, cancel_id: str) -> dict[str, object]:
    """DELETE /api/v3/order."""
    return {
        **_core(record),
        "origClientOrderId": record.client_order_id,
        "clientOrderId": cancel_id,
        "transactTime": record.update_ms,
    }


def fill(record: Fill) -> dict[str, object]:
    """GET /api/v3/myTrades."""
    return {
        "symbol": record.symbol,
        "id": record.id,
        "orderId": record.order_id,
        "orderListId": -1,
        "price": fmt(record.price),
        "qty": fmt(record.quantity),
        "quoteQty": fmt(record.quote),
        "commission": fmt(record.commission),
        "commissionAsset": record.commission_asset,
        "time": record.time_ms,
        "isBuyer": record.is_buyer,
        "isMaker": record.is_maker,
        "isBestMatch": True,
    }


def account(record: Account, *, maker_bps: int, taker_bps: int, now_ms: int, omit_zero: bool) -> dict[str, object]:
    """GET /api/v3/account."""
    balances = [
        {"asset": asset, "free": fmt(balance.free), "locked": fmt(balance.locked)}
        for asset, balance in sorted(record.balances.items())
        if not omit_zero or balance.free or balance.locked
    ]
    return {
        "makerCommission": maker_bps,
        "takerCommission": taker_bps,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": f"{maker_bps / 10_000:.8f}",
            "taker": f"{taker_bps / 10_000:.8f}",
            "buyer": "0.00000000",
            "seller": "0.00000000",
        },
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": now_ms,
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
        "uid": record.id,
    }


def execution_report(report: Report) -> dict[str, object]:
    """The executionReport event."""
    record, executed = report.order, report.fill
    canceled_id = record.client_order_id if report.cancel_id else ""
    return {
        "e": "executionReport",
        "E": report.time_ms,
        "s": record.symbol,
        "c": report.cancel_id or record.client_order_id,
        "S": record.side.value,
        "o": record.type.value,
        "f": record.time_in_force.value,
        "q": fmt(record.quantity),
        "p": fmt(record.price),
        "P": fmt(record.stop_price),
        "F": fmt(record.iceberg),
        "g": record.list_id,
        "C": canceled_id,
        "x": report.execution,
        "X": report.status.value,
        "r": "NONE",
        "i": record.id,
        "l": fmt(executed.quantity if executed else 0),
        "z": fmt(report.executed),
        "L": fmt(executed.price if executed else 0),
        "n": fmt(executed.commission) if executed else "0",
        "N": executed.commission_asset if executed else None,
        "T": report.time_ms,
        "t": executed.id if executed else -1,
        "I": record.id * 2,
        "w": record.working and report.status.value in ("NEW", "PARTIALLY_FILLED"),
        "m": bool(executed and executed.is_maker),
        "M": bool(executed),
        "O": record.time_ms,
        "Z": fmt(report.executed_quote),
        "Y": fmt(executed.quote if executed else 0),
        "Q": fmt(record.quote_quantity),
        "W": record.working_ms,
        "V": record.self_trade.value,
        **({"d": record.trailing_delta} if record.trailing_delta else {}),
    }


def account_position(record: Account, assets: Iterable[str], now_ms: int) -> dict[str, object]:
    """The outboundAccountPosition event: the balances an operation changed."""
    return {
        "e": "outboundAccountPosition",
        "E": now_ms,
        "u": now_ms,
        "B": [
            {"a": asset, "f": fmt(record.balance(asset).free), "l": fmt(record.balance(asset).locked)}
            for asset in sorted(assets)
        ],
    }


def balance_update(asset: str, change: int, now_ms: int) -> dict[str, object]:
    """The balanceUpdate event: a deposit or withdrawal."""
    return {"e": "balanceUpdate", "E": now_ms, "a": asset, "d": fmt(change), "T": now_ms}
