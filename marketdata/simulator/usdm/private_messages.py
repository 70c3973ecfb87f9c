"""Orders, fills, positions and wallets of the USD-M futures as the venue words them, over REST and as events."""

from collections.abc import Iterable, Mapping

from marketdata.simulator.numbers import UNIT, fmt
from marketdata.simulator.usdm.orders import AlgoOrder, FuturesFill, FuturesOrder, Income, Position

MAINTENANCE = 100  # one in so many of the notional


def order(record: FuturesOrder) -> dict[str, object]:
    """GET /fapi/v1/order."""
    return {
        "orderId": record.id,
        "symbol": record.symbol,
        "status": record.status.value,
        "clientOrderId": record.client_order_id,
        "price": fmt(record.price),
        "avgPrice": fmt(average(record)),
        "origQty": fmt(record.quantity),
        "executedQty": fmt(record.executed),
        "cumQty": fmt(record.executed),
        "cumQuote": fmt(record.executed_quote),
        "timeInForce": record.time_in_force.value,
        "type": record.type.value,
        "reduceOnly": record.reduce_only,
        "closePosition": record.close_position,
        "side": record.side.value,
        "positionSide": "BOTH",
        "stopPrice": fmt(0),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": record.original or record.type.value,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
        "time": record.time_ms,
        "updateTime": record.update_ms,
    }


def average(record: FuturesOrder) -> int:
    return record.executed_quote * UNIT // record.executed if record.executed else 0


def algo(record: AlgoOrder) -> dict[str, object]:
    """GET /fapi/v1/algoOrder."""
    return {
        "algoId": record.id,
        "clientAlgoId": record.client_id,
        "algoType": "CONDITIONAL",
        "orderType": record.type.value,
        "symbol": record.symbol,
        "side": record.side.value,
        "positionSide": "BOTH",
        "timeInForce": record.time_in_force,
        "quantity": fmt(record.quantity),
        "algoStatus": record.status,
        "actualOrderId": str(record.order_id or ""),
        "actualPrice": fmt(0),
        "triggerPrice": fmt(record.trigger_price),
        "price": fmt(record.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": "NONE",
        "workingType": record.working_type,
        "priceMatch": "NONE",
        "closePosition": record.close_position,
        "priceProtect": False,
        "reduceOnly": record.reduce_only,
        "activatePrice": fmt(record.activate_price),
        "callbackRate": f"{record.callback_rate / UNIT:g}",
        "createTime": record.time_ms,
        "updateTime": record.update_ms,
        "triggerTime": record.update_ms if record.order_id else 0,
        "goodTillDate": 0,
    }


def fill(record: FuturesFill) -> dict[str, object]:
    """GET /fapi/v1/userTrades."""
    return {
        "symbol": record.symbol,
        "id": record.id,
        "orderId": record.order_id,
        "side": "BUY" if record.is_buyer else "SELL",
        "positionSide": "BOTH",
        "price": fmt(record.price),
        "qty": fmt(record.quantity),
        "quoteQty": fmt(record.quote),
        "realizedPnl": fmt(record.realized),
        "commission": fmt(record.commission),
        "commissionAsset": record.commission_asset,
        "buyer": record.is_buyer,
        "maker": record.is_maker,
        "time": record.time_ms,
    }


def income(record: Income) -> dict[str, object]:
    """GET /fapi/v1/income."""
    return {
        "symbol": record.symbol,
        "incomeType": record.kind,
        "income": fmt(record.amount),
        "asset": record.asset,
        "info": record.kind,
        "time": record.time_ms,
        "tranId": record.id,
        "tradeId": str(record.trade_id or ""),
    }


def position(record: Position, *, mark: int, asset: str, open_margin: int) -> dict[str, object]:
    """GET /fapi/v3/positionRisk; the older form has `leverage` and `marginType` besides."""
    notional = record.amount * mark // UNIT
    margin = abs(notional) // record.leverage
    return {
        "symbol": record.symbol,
        "positionSide": "BOTH",
        "positionAmt": fmt(record.amount),
        "entryPrice": fmt(record.entry_price),
        "breakEvenPrice": fmt(record.entry_price),
        "markPrice": fmt(mark),
        "unRealizedProfit": fmt(record.worth(mark)),
        "unrealizedProfit": fmt(record.worth(mark)),
        "liquidationPrice": fmt(0),
        "isolatedMargin": fmt(0),
        "isolatedWallet": fmt(0),
        "notional": fmt(notional),
        "marginAsset": asset,
        "initialMargin": fmt(margin + open_margin),
        "maintMargin": fmt(abs(notional) // MAINTENANCE),
        "positionInitialMargin": fmt(margin),
        "openOrderInitialMargin": fmt(open_margin),
        "adl": 0,
        "bidNotional": fmt(0),
        "askNotional": fmt(0),
        "leverage": str(record.leverage),
        "marginType": "cross",
        "isolated": False,
        "maxNotionalValue": "1000000000",
        "updateTime": record.update_ms,
    }


def order_event(record: FuturesOrder, execution: str, now_ms: int, executed: FuturesFill | None) -> dict[str, object]:
    """The ORDER_TRADE_UPDATE event."""
    return {
        "e": "ORDER_TRADE_UPDATE",
        "E": now_ms,
        "T": now_ms,
        "o": {
            "s": record.symbol,
            "c": record.client_order_id,
            "S": record.side.value,
            "o": record.type.value,
            "f": record.time_in_force.value,
            "q": fmt(record.quantity),
            "p": fmt(record.price),
            "ap": fmt(average(record)),
            "sp": fmt(0),
            "x": execution,
            "X": record.status.value,
            "i": record.id,
            "l": fmt(executed.quantity if executed else 0),
            "z": fmt(record.executed),
            "L": fmt(executed.price if executed else 0),
            **({"N": executed.commission_asset, "n": fmt(executed.commission)} if executed else {}),
            "T": now_ms,
            "t": executed.id if executed else 0,
            "b": fmt(0),
            "a": fmt(0),
            "m": bool(executed and executed.is_maker),
            "R": record.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": record.original or record.type.value,
            "ps": "BOTH",
            "cp": record.close_position,
            "rp": fmt(executed.realized if executed else 0),
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": "NONE",
            "pm": "NONE",
            "gtd": 0,
        },
    }


def algo_event(record: AlgoOrder, now_ms: int) -> dict[str, object]:
    """The ALGO_UPDATE event."""
    return {
        "e": "ALGO_UPDATE",
        "T": now_ms,
        "E": now_ms,
        "o": {
            "caid": record.client_id,
            "aid": record.id,
            "at": "CONDITIONAL",
            "o": record.type.value,
            "s": record.symbol,
            "S": record.side.value,
            "ps": "BOTH",
            "f": record.time_in_force,
            "q": fmt(record.quantity),
            "X": record.status,
            "ai": str(record.order_id or ""),
            "tp": fmt(record.trigger_price),
            "p": fmt(record.price),
            "V": "NONE",
            "wt": record.working_type,
            "pm": "NONE",
            "cp": record.close_position,
            "pP": False,
            "R": record.reduce_only,
            "tt": record.update_ms if record.order_id else 0,
            "gtd": 0,
        },
    }


def account_event(
    reason: str,
    wallets: Mapping[str, int],
    positions: Iterable[Position],
    *,
    marks: Mapping[str, int],
    change: int,
    now_ms: int,
) -> dict[str, object]:
    """The ACCOUNT_UPDATE event; `change` is what came from outside trading."""
    return {
        "e": "ACCOUNT_UPDATE",
        "E": now_ms,
        "T": now_ms,
        "a": {
            "m": reason,
            "B": [
                {"a": asset, "wb": fmt(amount), "cw": fmt(amount), "bc": fmt(change)}
                for asset, amount in wallets.items()
            ],
            "P": [
                {
                    "s": record.symbol,
                    "pa": fmt(record.amount),
                    "ep": fmt(record.entry_price),
                    "bep": fmt(record.entry_price),
                    "cr": fmt(0),
                    "up": fmt(record.worth(marks[record.symbol])),
                    "mt": "cross",
                    "iw": fmt(0),
                    "ps": "BOTH",
                }
                for record in positions
            ],
        },
    }
