"""The symbol filters of exchangeInfo, and the refusal of an order that breaks one."""

from collections.abc import Collection

from marketdata.simulator.errors import filter_failure
from marketdata.simulator.numbers import UNIT, fmt, times
from marketdata.simulator.orders import NewOrder, Order
from marketdata.simulator.parameters import LEAST_TRAILING_BPS, MOST_TRAILING_BPS
from marketdata.simulator.symbols import SymbolSpec

MAX_ORDERS = 200
MAX_STOP_ORDERS = 5
MAX_ICEBERG_PARTS = 10
PRICE_BAND = 5


def describe(spec: SymbolSpec) -> list[dict[str, object]]:
    """The filters as exchangeInfo lists them."""
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": fmt(spec.tick),
            "maxPrice": fmt(max_price(spec)),
            "tickSize": fmt(spec.tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": fmt(spec.step),
            "maxQty": fmt(spec.max_quantity),
            "stepSize": fmt(spec.step),
        },
        {"filterType": "ICEBERG_PARTS", "limit": MAX_ICEBERG_PARTS},
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": LEAST_TRAILING_BPS,
            "maxTrailingAboveDelta": MOST_TRAILING_BPS,
            "minTrailingBelowDelta": LEAST_TRAILING_BPS,
            "maxTrailingBelowDelta": MOST_TRAILING_BPS,
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": fmt(0),
            "maxQty": fmt(spec.max_market_quantity),
            "stepSize": fmt(0),
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": str(PRICE_BAND),
            "bidMultiplierDown": str(1 / PRICE_BAND),
            "askMultiplierUp": str(PRICE_BAND),
            "askMultiplierDown": str(1 / PRICE_BAND),
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": fmt(spec.min_notional),
            "applyMinToMarket": True,
            "maxNotional": fmt(spec.max_notional),
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_STOP_ORDERS},
    ]


def max_price(spec: SymbolSpec) -> int:
    return int(spec.price * 16) * UNIT + 100 * UNIT


def check(order: NewOrder, spec: SymbolSpec, *, last_price: int, open_orders: Collection[Order]) -> None:
    """Raise the first filter the order breaks. `open_orders` are the account's on this symbol."""
    for price in (order.price, order.stop_price):
        if price and (price < spec.tick or price > max_price(spec) or price % spec.tick):
            raise filter_failure("PRICE_FILTER")
    if order.price and not last_price // PRICE_BAND <= order.price <= last_price * PRICE_BAND:
        raise filter_failure("PERCENT_PRICE_BY_SIDE")
    if order.quantity:
        _check_quantity(order, spec)
    _check_notional(order, spec, last_price)
    if len(open_orders) >= MAX_ORDERS:
        raise filter_failure("MAX_NUM_ORDERS")
    if order.type.has_stop and sum(1 for other in open_orders if other.type.has_stop) >= MAX_STOP_ORDERS:
        raise filter_failure("MAX_NUM_ALGO_ORDERS")


def _check_quantity(order: NewOrder, spec: SymbolSpec) -> None:
    if order.quantity < spec.step or order.quantity > spec.max_quantity or order.quantity % spec.step:
        raise filter_failure("LOT_SIZE")
    if order.iceberg and (order.iceberg % spec.step or -(-order.quantity // order.iceberg) > MAX_ICEBERG_PARTS):
        raise filter_failure("ICEBERG_PARTS")
    if not order.type.has_price and order.quantity > spec.max_market_quantity:
        raise filter_failure("MARKET_LOT_SIZE")


def _check_notional(order: NewOrder, spec: SymbolSpec, last_price: int) -> None:
    price = order.price or order.stop_price or last_price
    value = order.quote_quantity or times(price, order.quantity)
    if value < spec.min_notional or (order.price and value > spec.max_notional):
        raise filter_failure("NOTIONAL")
