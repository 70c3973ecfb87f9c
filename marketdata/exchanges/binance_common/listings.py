"""The filters of a symbol in exchangeInfo."""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct, field

# A zero step switches the venue's rule off; the database wants a step, and 8 decimals is the venue's precision.
FINEST = Decimal("0.00000001")


class Filter(Struct):
    """One rule; what it does not have is 0. Spot calls the least notional `minNotional`, futures `notional`."""

    kind: str = field(name="filterType")
    tick_size: Decimal = field(name="tickSize", default=Decimal(0))
    step_size: Decimal = field(name="stepSize", default=Decimal(0))
    min_quantity: Decimal = field(name="minQty", default=Decimal(0))
    max_quantity: Decimal = field(name="maxQty", default=Decimal(0))
    min_notional: Decimal = field(name="minNotional", default=Decimal(0))
    notional: Decimal = Decimal(0)


def filters_by_kind(filters: Iterable[Filter]) -> dict[str, Filter]:
    return {item.kind: item for item in filters}
