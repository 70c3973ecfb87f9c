"""A broker's JSON as our records, and no number among them that is none."""

from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from bots.brokers.ccxt.reading import Unreadable
from bots.brokers.venue import KeyScope, VenueBalance, VenueOrder, VenueTrade

Record = TypeVar("Record", VenueOrder, VenueTrade, VenueBalance, KeyScope)


def read(row: Any, kind: type[Record]) -> Record:
    """Raises Unreadable for another shape, and for numbers that cannot be."""
    try:
        found = msgspec.convert(row, kind)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from None
    check(found)
    return found


def check(found: VenueOrder | VenueTrade | VenueBalance | KeyScope) -> None:
    """Raises Unreadable."""
    if isinstance(found, VenueOrder):
        prices = (found.limit_price, found.stop_price, found.average_price)
        _amounts(found.quantity, found.filled, *(price for price in prices if price is not None))
        if not found.venue_order_id:
            raise Unreadable("an order without an id")
    elif isinstance(found, VenueTrade):
        _amounts(found.fill.price, found.fill.quantity)
        if not (found.fill.trade_id and found.fill.price and found.fill.quantity and found.fill.fee.is_finite()):
            raise Unreadable("a trade of nothing")
    elif isinstance(found, VenueBalance):
        _amounts(found.free)
        if not found.total.is_finite():
            raise Unreadable("a balance that is no number")


def _amounts(*numbers: Decimal) -> None:
    if not all(number.is_finite() and number >= 0 for number in numbers):
        raise Unreadable("a number that cannot be")
