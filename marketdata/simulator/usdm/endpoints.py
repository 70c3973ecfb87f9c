"""Public requests of the USD-M futures, where they differ from the spot market's."""

from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from marketdata.simulator import filters, limits
from marketdata.simulator import public_endpoints as spot
from marketdata.simulator.errors import VenueError
from marketdata.simulator.numbers import UNIT, fmt
from marketdata.simulator.parameters import Params, text
from marketdata.simulator.public_side import PublicSide
from marketdata.simulator.symbols import SymbolSpec
from marketdata.simulator.usdm.orders import AlgoType

Handler = Callable[[PublicSide, Params], Awaitable[object]]

# 2100-12-25, the delivery date of what is never delivered.
_NEVER_MS = 4_133_404_800_000
_DEPTHS = ("5", "10", "20", "50", "100", "500", "1000")


async def exchange_info(side: PublicSide, params: Params) -> object:
    """The venue takes no symbol here: it always answers with all of them."""
    symbols = [side.rules(symbol) for symbol in side.markets if side.is_listed(symbol)]
    return {
        "timezone": "UTC",
        "serverTime": side.clock.now_ms(),
        "futuresType": "U_MARGINED",
        "rateLimits": limits.describe(side.limits.weight_per_minute),
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [_symbol(spec) for spec in symbols],
    }


def _symbol(spec: SymbolSpec) -> dict[str, object]:
    return {
        "symbol": spec.id,
        "pair": spec.id,
        "contractType": "PERPETUAL",
        "deliveryDate": _NEVER_MS,
        "onboardDate": 1_569_398_400_000,
        "status": "TRADING",
        "baseAsset": spec.base,
        "quoteAsset": spec.quote,
        "marginAsset": spec.quote,
        "pricePrecision": _decimals(spec.tick),
        "quantityPrecision": _decimals(spec.step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": _filters(spec),
        "orderTypes": ["LIMIT", "MARKET", *(kind.value for kind in AlgoType)],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def _filters(spec: SymbolSpec) -> list[dict[str, object]]:
    sizes = {"minQty": fmt(spec.step), "stepSize": fmt(spec.step)}
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": fmt(spec.tick),
            "maxPrice": fmt(filters.max_price(spec)),
            "tickSize": fmt(spec.tick),
        },
        {"filterType": "LOT_SIZE", "maxQty": fmt(spec.max_quantity), **sizes},
        {"filterType": "MARKET_LOT_SIZE", "maxQty": fmt(spec.max_market_quantity), **sizes},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": fmt(spec.min_notional)},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4"},
    ]


def _decimals(unit: int) -> int:
    """Of a tick or step in units of 1e-8."""
    return next(count for count in range(9) if unit * 10**count % UNIT == 0)


async def depth(side: PublicSide, params: Params) -> object:
    text(params, "symbol")
    if params.get("limit", "500") not in _DEPTHS:
        raise VenueError(-4021, f"{params['limit']} is not valid depth limit.")
    book = await spot.depth(side, {"limit": "500", **params})
    assert isinstance(book, dict)
    now_ms = side.clock.now_ms()
    return {"lastUpdateId": book["lastUpdateId"], "E": now_ms, "T": now_ms, "bids": book["bids"], "asks": book["asks"]}


async def day_ticker(side: PublicSide, params: Params) -> object:
    answer = await spot.day_ticker(side, params)
    for row in _rows(answer):
        for name in ("bidPrice", "bidQty", "askPrice", "askQty", "prevClosePrice"):
            row.pop(name, None)
    return answer


async def book_ticker(side: PublicSide, params: Params) -> object:
    answer = await spot.book_ticker(side, params)
    for row in _rows(answer):
        row["time"] = side.clock.now_ms()
        row["lastUpdateId"] = side.markets[str(row["symbol"])].update_id
    return answer


def _rows(answer: object) -> list[dict[str, object]]:
    """The rows of an answer about one symbol or several."""
    return cast(list[dict[str, object]], answer if isinstance(answer, list) else [answer])


# Path after /fapi/v1/ → (handler, weight).
ENDPOINTS: Mapping[str, tuple[Handler, int]] = {
    "ping": (spot.ping, 1),
    "time": (spot.server_time, 1),
    "exchangeInfo": (exchange_info, 1),
    "depth": (depth, 10),
    "trades": (spot.trades, 5),
    "historicalTrades": (spot.historical_trades, 20),
    "aggTrades": (spot.aggregate_trades, 20),
    "klines": (spot.klines, 5),
    "ticker/24hr": (day_ticker, 1),
    "ticker/price": (spot.price_ticker, 1),
    "ticker/bookTicker": (book_ticker, 2),
}
