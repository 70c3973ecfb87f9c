"""The streams, requests and events that a fault's `channel` and `kind` may name: any other word would strike nothing."""

from collections.abc import Mapping

from marketdata.simulator.fault_names import Fault

_INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")

STREAMS = (
    "depth", "depth5", "depth10", "depth20", "bookTicker", "trade", "aggTrade", "ticker", "miniTicker", "markPrice",
    "forceOrder", *(f"kline_{interval}" for interval in _INTERVALS),
)  # fmt: skip

# As REST names them, as the WebSocket API does, and those of the futures.
REQUESTS = (
    "ping", "time", "exchangeInfo", "depth", "trades", "historicalTrades", "aggTrades", "klines", "uiKlines", "avgPrice",
    "ticker/24hr", "ticker/price", "ticker/bookTicker", "order", "order/test", "order/cancelReplace",
    "order/amend/keepPriority", "order/oco", "orderList", "orderList/oco", "orderList/oto", "orderList/otoco",
    "allOrderList", "openOrderList", "openOrders", "allOrders", "myTrades", "account", "account/commission",
    "/sapi/v1/account/apiRestrictions", "userDataStream",
    "trades.recent", "trades.historical", "trades.aggregate", "ticker.24hr", "ticker.price", "ticker.book",
    "order.place", "order.test", "order.status", "order.cancel", "order.cancelReplace", "order.amend.keepPriority",
    "orderList.place.oco", "orderList.place.oto", "orderList.place.otoco", "orderList.cancel", "orderList.status",
    "openOrderLists.status", "openOrders.status", "openOrders.cancelAll", "account.status", "account.commission",
    "userDataStream.subscribe.signature", "userDataStream.unsubscribe",
    "listenKey", "openOrder", "batchOrders", "allOpenOrders", "userTrades", "algoOrder", "algoOpenOrders", "openAlgoOrders",
    "allAlgoOrders", "positionRisk", "balance", "income", "leverage", "marginType", "positionSide/dual",
    "leverageBracket", "symbolConfig", "commissionRate", "accountConfig",
)  # fmt: skip

EVENTS = (
    "executionReport", "outboundAccountPosition", "balanceUpdate", "listStatus", "listenKeyExpired",
    "eventStreamTerminated", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ALGO_UPDATE",
)  # fmt: skip
EXECUTIONS = ("NEW", "TRADE", "CANCELED", "REPLACED", "REJECTED", "EXPIRED", "TRADE_PREVENTION", "TRADE_BUST")

_PRIVATE = (Fault.DROP_EVENTS, Fault.DELAY_EVENTS, Fault.DUPLICATE_EVENTS, Fault.SHUFFLE_EVENTS)

# Empty is all of them.
WORDS: Mapping[tuple[Fault, str], tuple[str, ...]] = {
    **{(fault, "channel"): STREAMS for fault in (Fault.CORRUPT_FRAME, Fault.FREEZE_DATA)},
    **{(fault, "channel"): REQUESTS for fault in (Fault.SLOW_ANSWER, Fault.GARBAGE, Fault.REJECT_REQUEST)},
    **{(fault, "channel"): EVENTS for fault in _PRIVATE},
    **{(fault, "kind"): EXECUTIONS for fault in _PRIVATE},
}
