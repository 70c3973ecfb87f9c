"""An order of ours as ccxt's arguments: what is sent is what was booked, to the last digit, or nothing is."""

import decimal
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from bots.brokers.ccxt.dialects import Dialect
from bots.brokers.ccxt.ids import to_venue
from bots.brokers.ccxt.reading import contract_size
from bots.trading.records import SubmittedOrder
from bots.trading.vocabulary import OrderType, Purpose

_TERMS: Mapping[str, Mapping[str, Any]] = {
    "market": {"timeInForce": "IOC"},
    "limit": {"timeInForce": "GTC"},
    "post_only": {"postOnly": True},
}


class Unsendable(ValueError):
    """This order cannot be sent to this venue as it is."""


class Placing(Struct, frozen=True, kw_only=True):
    """Arguments of ccxt's create_order."""

    symbol: str
    type: str
    side: str
    amount: Decimal
    price: Decimal
    params: dict[str, Any]
    client_order_id: str


def placing(order: SubmittedOrder, dialect: Dialect, exchange: Any) -> Placing:
    """Raises Unsendable for an unknown symbol or kind, and for numbers that the venue's rules would change."""
    plan = order.plan
    market = (exchange.markets or {}).get(plan.rules.symbol)
    if market is None:
        raise Unsendable(f"{exchange.name} does not list {plan.rules.symbol}.")
    amount = plan.quantity / contract_size(market)
    _same(amount, exchange.amount_to_precision, plan.rules.symbol, "quantity")
    _same(plan.limit_price, exchange.price_to_precision, plan.rules.symbol, "price")
    params = {
        dialect.client_id_param: to_venue(order.order_id, dialect.id_form),
        **_terms(plan.order_type),
        **dialect.deadline(order.sign_ts_ms, order.valid_until_ms),
    }
    if market.get("contract") and plan.purpose is Purpose.EXIT:
        params["reduceOnly"] = True
    return Placing(
        symbol=plan.rules.symbol,
        # A market order is a limit at its collar that does not stay.
        type="limit",
        side=plan.side.value,
        amount=_plain(amount),
        price=_plain(plan.limit_price),
        params=params,
        client_order_id=params[dialect.client_id_param],
    )


def _terms(kind: OrderType) -> dict[str, Any]:
    try:
        return dict(_TERMS[kind.value])
    except KeyError:
        raise Unsendable(f"Orders of the kind {kind.value} are not sent to exchanges; the engine keeps them.") from None


def _plain(number: Decimal) -> Decimal:
    """Without an exponent or zeros at its end."""
    return Decimal(f"{number.normalize():f}")


def _same(number: Decimal, rounded: Any, symbol: str, name: str) -> None:
    """ccxt rounds to the venue's steps in silence; an order that it would change is not sent."""
    try:
        with decimal.localcontext():
            told = Decimal(rounded(symbol, number))
    except Exception as error:  # ccxt refuses too small numbers by errors of its own
        raise Unsendable(f"{_words(error)} ({name} {number} of {symbol})") from error
    if told != number:
        raise Unsendable(f"The {name} {number} of {symbol} does not lie on the venue's steps; it would send {told}.")


def _words(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__
