"""Reading request parameters as Binance does, with its refusals."""

import re
import secrets
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from marketdata.simulator.errors import VenueError, filter_failure, illegal, missing
from marketdata.simulator.numbers import TooPreciseError, parse
from marketdata.simulator.orders import NewOrder, OrderType, SelfTrade, Side, TimeInForce

Params = Mapping[str, str]
Choice = TypeVar("Choice", bound=StrEnum)

LEAST_TRAILING_BPS, MOST_TRAILING_BPS = 10, 2000

_CLIENT_ID = r"^[a-zA-Z0-9-_.:/]{1,36}$"
_NUMBER = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"


def text(params: Params, name: str) -> str:
    value = params.get(name)
    if not value:
        raise missing(name)
    return value


def integer(params: Params, name: str) -> int | None:
    value = params.get(name)
    if value is None or value == "":
        return None
    if not re.fullmatch(r"-?[0-9]{1,19}", value):
        raise illegal(name, "^[0-9]{1,20}$")
    return int(value)


def limit(params: Params, default: int, largest: int) -> int:
    value = integer(params, "limit")
    if value is None:
        return default
    if value < 1:
        raise VenueError(-1130, "Data sent for parameter 'limit' is not valid.")
    return min(value, largest)


def amount(params: Params, name: str, *, required: bool = False) -> int:
    """A price or quantity in units of 1e-8; zero when absent and not required."""
    value = params.get(name)
    if not value:
        if required:
            raise missing(name)
        return 0
    try:
        number = parse(value)
    except TooPreciseError:
        raise VenueError(-1111, f"Parameter '{name}' has too much precision.") from None
    except ValueError:
        raise illegal(name, _NUMBER) from None
    if number == 0:
        raise VenueError(-1013, f"Invalid {name}.")
    return number


def choice(value: str, choices: type[Choice], code: int, message: str) -> Choice:
    try:
        return choices(value.upper())
    except ValueError:
        raise VenueError(code, message) from None


def generated_id() -> str:
    """A client order id for who gives none."""
    return secrets.token_urlsafe(16)[:22].replace("_", "x")


def client_order_id(params: Params, name: str, default: str) -> str:
    value = params.get(name) or default
    if not re.fullmatch(_CLIENT_ID, value):
        raise illegal(name, _CLIENT_ID)
    return value


def new_order(params: Params, *, generated_id: str) -> NewOrder:
    """The order in a request. Raises VenueError for what is missing, malformed or not wanted with its type."""
    kind = choice(text(params, "type"), OrderType, -1116, "Invalid orderType.")
    side = choice(text(params, "side"), Side, -1117, "Invalid side.")
    _refuse_superfluous(params, kind)
    tif = TimeInForce.GTC
    if kind in (OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT):
        tif = choice(text(params, "timeInForce"), TimeInForce, -1115, "Invalid timeInForce.")
        if tif is TimeInForce.GTX:
            raise VenueError(-1115, "Invalid timeInForce.")
    quote_quantity = 0
    if kind is OrderType.MARKET and params.get("quoteOrderQty"):
        if params.get("quantity"):
            raise VenueError(-1128, "Combination of optional parameters invalid.")
        quote_quantity = amount(params, "quoteOrderQty")
    trailing = _trailing(params) if kind.has_stop else 0
    return NewOrder(
        symbol=text(params, "symbol").upper(),
        side=side,
        type=kind,
        quantity=0 if quote_quantity else amount(params, "quantity", required=True),
        quote_quantity=quote_quantity,
        price=amount(params, "price", required=True) if kind.has_price else 0,
        stop_price=amount(params, "stopPrice", required=not trailing) if kind.has_stop else 0,
        iceberg=_iceberg(params, kind, tif),
        trailing_delta=trailing,
        time_in_force=tif,
        client_order_id=client_order_id(params, "newClientOrderId", generated_id),
        self_trade=choice(
            params.get("selfTradePreventionMode") or "EXPIRE_MAKER",
            SelfTrade,
            -1013,
            "Invalid selfTradePreventionMode.",
        ),
    )


def _iceberg(params: Params, kind: OrderType, tif: TimeInForce) -> int:
    shown = amount(params, "icebergQty")
    if shown and (not kind.has_price or tif is not TimeInForce.GTC):
        raise VenueError(-1106, "Parameter 'icebergQty' sent when not required.")
    return shown


def _trailing(params: Params) -> int:
    """Basis points, 0 where it does not trail."""
    delta = integer(params, "trailingDelta")
    if delta is None:
        return 0
    if not LEAST_TRAILING_BPS <= delta <= MOST_TRAILING_BPS:
        raise filter_failure("TRAILING_DELTA")
    return delta


def _refuse_superfluous(params: Params, kind: OrderType) -> None:
    unwanted = []
    if not kind.has_price:
        unwanted += ["price", "timeInForce"]
    if kind is OrderType.LIMIT_MAKER:
        unwanted += ["timeInForce"]
    if not kind.has_stop:
        unwanted += ["stopPrice", "trailingDelta"]
    if kind is not OrderType.MARKET:
        unwanted += ["quoteOrderQty"]
    for name in unwanted:
        if params.get(name):
            raise VenueError(-1106, f"Parameter '{name}' sent when not required.")
