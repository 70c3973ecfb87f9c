"""What venues answer, in the shapes of their documentation: time, markets, an order that rests, one that is done."""

import time
from typing import Any

from tests.integration.brokers.documented import Asked

Answers = dict[tuple[str, str], Any]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


# Binance USD-M, developers.binance.com/docs/derivatives/usds-margined-futures


def usdm_order(asked: Asked) -> dict[str, Any]:
    given = asked.params
    client_id = given.get("newClientOrderId") or given.get("origClientOrderId")
    return {
        "clientOrderId": client_id, "cumQty": "0", "cumQuote": "0", "executedQty": "0", "orderId": 22542179,
        "avgPrice": "0.00000", "origQty": "0.010", "price": "60000.1", "reduceOnly": given.get("reduceOnly") == "true",
        "side": given.get("side", "BUY"), "positionSide": "BOTH", "status": "NEW", "stopPrice": "0",
        "closePosition": False, "symbol": "BTCUSDT", "timeInForce": given.get("timeInForce", "GTC"), "type": "LIMIT",
        "origType": "LIMIT", "updateTime": now_ms(), "workingType": "CONTRACT_PRICE", "time": now_ms(),
    }  # fmt: skip


USDM: Answers = {
    ("GET", "/fapi/v1/time"): lambda asked: {"serverTime": now_ms()},
    ("GET", "/fapi/v1/exchangeInfo"): {
        "symbols": [
            {
                "symbol": "BTCUSDT", "pair": "BTCUSDT", "contractType": "PERPETUAL", "deliveryDate": 4133404800000,
                "onboardDate": 1569398400000, "status": "TRADING", "maintMarginPercent": "2.5000",
                "requiredMarginPercent": "5.0000", "baseAsset": "BTC", "quoteAsset": "USDT", "marginAsset": "USDT",
                "pricePrecision": 2, "quantityPrecision": 3, "baseAssetPrecision": 8, "quotePrecision": 8,
                "underlyingType": "COIN", "underlyingSubType": [], "triggerProtect": "0.0500",
                "filters": [
                    {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
                    {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
                    {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
                    {"filterType": "MIN_NOTIONAL", "notional": "100"},
                ],
                "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
                "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
            }
        ]
    },
    ("POST", "/fapi/v1/order"): usdm_order,
    ("GET", "/fapi/v1/order"): usdm_order,
    ("DELETE", "/fapi/v1/order"): lambda asked: usdm_order(asked) | {"status": "CANCELED"},
    ("GET", "/fapi/v1/userTrades"): [
        {
            "buyer": True, "commission": "0.24000004", "commissionAsset": "USDT", "id": 698759, "maker": False,
            "orderId": 22542179, "price": "60000.10", "qty": "0.010", "quoteQty": "600.001", "realizedPnl": "0",
            "side": "BUY", "positionSide": "BOTH", "symbol": "BTCUSDT", "time": 1569514978020,
        }
    ],
}  # fmt: skip

# Kraken, docs.kraken.com/api


def kraken_open(asked: Asked) -> dict[str, Any]:
    order = {
        "refid": None, "userref": None, "cl_ord_id": asked.params["cl_ord_id"], "status": "open",
        "opentm": 1733815269.370054, "starttm": 0, "expiretm": 0,
        "descr": {
            "pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "60000.1", "price2": "0",
            "leverage": "none", "order": "buy 0.01000000 XBTUSD @ limit 60000.1", "close": "",
        },
        "vol": "0.01000000", "vol_exec": "0.00400000", "cost": "240.00040", "fee": "0.62400", "price": "60000.1",
        "stopprice": "0.00000", "limitprice": "0.00000", "misc": "", "oflags": "fciq",
    }  # fmt: skip
    return {"error": [], "result": {"open": {"OUF4EM-FRGI2-MQMWZD": order}}}


KRAKEN: Answers = {
    ("GET", "/0/public/Time"): lambda asked: {"error": [], "result": {"unixtime": now_ms() // 1000, "rfc1123": ""}},
    ("GET", "/0/public/Assets"): {
        "error": [],
        "result": {
            "XXBT": {"aclass": "currency", "altname": "XBT", "decimals": 10, "display_decimals": 5, "status": "enabled"},
            "ZUSD": {"aclass": "currency", "altname": "USD", "decimals": 4, "display_decimals": 2, "status": "enabled"},
        },
    },
    ("GET", "/0/public/AssetPairs"): {
        "error": [],
        "result": {
            "XXBTZUSD": {
                "altname": "XBTUSD", "wsname": "XBT/USD", "aclass_base": "currency", "base": "XXBT",
                "aclass_quote": "currency", "quote": "ZUSD", "lot": "unit", "cost_decimals": 5, "pair_decimals": 1,
                "lot_decimals": 8, "lot_multiplier": 1, "leverage_buy": [2, 3], "leverage_sell": [2, 3],
                "fees": [[0, 0.4]], "fees_maker": [[0, 0.25]], "fee_volume_currency": "ZUSD", "margin_call": 80,
                "margin_stop": 40, "ordermin": "0.00005", "costmin": "0.5", "tick_size": "0.1", "status": "online",
            }
        },
    },
    ("POST", "/0/private/AddOrder"): {
        "error": [],
        "result": {
            "descr": {"order": "buy 0.01000000 XBTUSD @ limit 60000.1"},
            "txid": ["OUF4EM-FRGI2-MQMWZD"],
        },
    },
    ("POST", "/0/private/OpenOrders"): kraken_open,
    ("POST", "/0/private/ClosedOrders"): {"error": [], "result": {"closed": {}, "count": 0}},
    ("POST", "/0/private/CancelOrder"): {"error": [], "result": {"count": 1}},
}  # fmt: skip

# Coinbase Advanced Trade, docs.cdp.coinbase.com


COINBASE_ID = "52cfe5e2-0b29-4c19-a245-a6a773de5030"


def coinbase_placed(asked: Asked) -> dict[str, Any]:
    given = asked.params
    return {
        "success": True, "failure_reason": "UNKNOWN_FAILURE_REASON", "order_id": COINBASE_ID,
        "success_response": {
            "order_id": COINBASE_ID, "product_id": "BTC-USD", "side": given["side"],
            "client_order_id": given["client_order_id"],
        },
        "order_configuration": given["order_configuration"],
    }  # fmt: skip


def coinbase_order(client_id: str, **changes: object) -> dict[str, Any]:
    return {
        "order_id": COINBASE_ID, "product_id": "BTC-USD", "user_id": "1",
        "order_configuration": {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "60000.10", "post_only": False}},
        "side": "BUY", "client_order_id": client_id, "status": "OPEN", "time_in_force": "GOOD_UNTIL_CANCELLED",
        "created_time": "2026-01-16T23:37:23.947030Z", "completion_percentage": "0", "filled_size": "0",
        "average_filled_price": "0", "fee": "", "number_of_fills": "0", "filled_value": "0", "pending_cancel": False,
        "size_in_quote": False, "total_fees": "0", "order_type": "LIMIT", "product_type": "SPOT",
    } | changes  # fmt: skip


COINBASE: Answers = {
    ("GET", "/api/v3/brokerage/time"): lambda asked: {
        "iso": "2026-02-27T03:37:14Z",
        "epochSeconds": str(now_ms() // 1000),
        "epochMillis": str(now_ms()),
    },
    ("GET", "/api/v3/brokerage/transaction_summary"): {
        "total_volume": 0, "total_fees": 0, "fee_tier": {"taker_fee_rate": "0.006", "maker_fee_rate": "0.004"},
    },
    ("GET", "/api/v3/brokerage/market/products"): lambda asked: {"products": []}
    if asked.params.get("product_type") == "FUTURE"
    else {
        "products": [
            {
                "product_id": "BTC-USD", "price": "60000", "base_increment": "0.00000001", "quote_increment": "0.01",
                "quote_min_size": "1", "quote_max_size": "150000000", "base_min_size": "0.00000001",
                "base_max_size": "3400", "base_name": "Bitcoin", "quote_name": "US Dollar", "is_disabled": False,
                "status": "online", "cancel_only": False, "limit_only": False, "post_only": False,
                "trading_disabled": False, "product_type": "SPOT", "quote_currency_id": "USD",
                "base_currency_id": "BTC", "price_increment": "0.01", "view_only": False,
            }
        ]
    },
    ("POST", "/api/v3/brokerage/orders"): coinbase_placed,
}  # fmt: skip

# KuCoin futures, www.kucoin.com/docs-new

KUCOIN_ID = "619717484f1d010001510cde"


def kucoin_order(client_id: str, **changes: object) -> dict[str, Any]:
    return {
        "id": KUCOIN_ID, "symbol": "XBTUSDTM", "type": "limit", "side": "buy", "price": "60000.1", "size": 10,
        "value": "600.001", "dealValue": "240.0004", "dealSize": 4, "stp": "", "stop": "", "stopPriceType": "",
        "stopTriggered": False, "stopPrice": None, "timeInForce": "GTC", "postOnly": False, "hidden": False,
        "iceberg": False, "leverage": "1", "forceHold": False, "closeOrder": False, "visibleSize": None,
        "clientOid": client_id, "remark": None, "tags": None, "isActive": True, "cancelExist": False,
        "createdAt": 1682996482000, "updatedAt": 1682996483062, "endAt": None, "orderTime": 1682996482953900677,
        "settleCurrency": "USDT", "status": "open", "filledValue": "240.0004", "filledSize": 4, "reduceOnly": False,
    } | changes  # fmt: skip


KUCOIN: Answers = {
    ("GET", "/api/v1/timestamp"): lambda asked: {"code": "200000", "msg": "success", "data": now_ms()},
    ("GET", "/api/ua/v1/account/mode"): {"code": "200000", "data": {"selfAccountMode": "CLASSIC"}},
    ("GET", "/api/v1/contracts/active"): {
        "code": "200000",
        "data": [
            {
                "symbol": "XBTUSDTM", "rootSymbol": "USDT", "type": "FFWCSX", "firstOpenDate": 1585555200000,
                "expireDate": None, "settleDate": None, "baseCurrency": "XBT", "quoteCurrency": "USDT",
                "settleCurrency": "USDT", "maxOrderQty": 1000000, "maxPrice": 1000000.0, "lotSize": 1, "tickSize": 0.1,
                "multiplier": 0.001, "initialMargin": 0.01, "maintainMargin": 0.005, "makerFeeRate": 0.0002,
                "takerFeeRate": 0.0006, "isInverse": False, "status": "Open", "nextFundingRateTime": 25481884,
                "maxLeverage": 100,
            }
        ],
    },
    ("POST", "/api/v1/orders"): {"code": "200000", "data": {"orderId": KUCOIN_ID, "clientOid": ""}},
    ("GET", "/api/v1/orders/byClientOid"): lambda asked: {
        "code": "200000",
        "data": kucoin_order(asked.params["clientOid"]),
    },
}  # fmt: skip

# BingX perpetuals, bingx-api.github.io

BINGX_ID = 1736011869418901234


def bingx_order(client_id: str, **changes: object) -> dict[str, Any]:
    return {
        "symbol": "BTC-USDT", "orderId": BINGX_ID, "side": "BUY", "positionSide": "BOTH", "type": "LIMIT",
        "origQty": "0.0100", "price": "60000.1", "executedQty": "0.0000", "avgPrice": "0.0", "cumQuote": "0",
        "stopPrice": "", "profit": "0.0000", "commission": "0.000000", "status": "NEW", "time": 1696921234000,
        "updateTime": 1696921234000, "clientOrderId": client_id, "leverage": "1X", "workingType": "MARK_PRICE",
        "onlyOnePosition": False, "reduceOnly": False,
    } | changes  # fmt: skip


BINGX: Answers = {
    ("GET", "/openApi/swap/v2/server/time"): lambda asked: {"code": 0, "msg": "", "data": {"serverTime": now_ms()}},
    ("GET", "/openApi/swap/v2/quote/contracts"): {
        "code": 0, "msg": "",
        "data": [
            {
                "contractId": "100", "symbol": "BTC-USDT", "size": "0.0001", "quantityPrecision": 4,
                "pricePrecision": 1, "feeRate": 0.0005, "makerFeeRate": 0.0002, "takerFeeRate": 0.0005,
                "tradeMinLimit": 0, "tradeMinQuantity": 0.0001, "tradeMinUSDT": 2, "currency": "USDT", "asset": "BTC",
                "status": 1, "apiStateOpen": "true", "apiStateClose": "true",
            }
        ],
    },
    ("GET", "/openApi/cswap/v1/market/contracts"): {"code": 0, "msg": "", "data": []},
    ("GET", "/openApi/spot/v1/common/symbols"): {"code": 0, "msg": "", "data": {"symbols": []}},
    ("POST", "/openApi/swap/v2/trade/order"): lambda asked: {
        "code": 0, "msg": "",
        "data": {
            "order": {
                "orderId": BINGX_ID, "symbol": "BTC-USDT", "positionSide": "BOTH", "side": "BUY", "type": "LIMIT",
                "price": 60000.1, "quantity": 0.01, "stopPrice": 0, "clientOrderID": asked.params["clientOrderID"],
                "timeInForce": "GTC", "reduceOnly": False,
            }
        },
    },
    ("GET", "/openApi/swap/v2/trade/order"): lambda asked: {
        "code": 0, "msg": "", "data": {"order": bingx_order(asked.params["clientOrderId"])},
    },
}  # fmt: skip
