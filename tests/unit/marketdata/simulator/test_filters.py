from dataclasses import replace

import pytest

from marketdata.simulator import filters
from marketdata.simulator.errors import VenueError
from marketdata.simulator.numbers import UNIT
from marketdata.simulator.orders import NewOrder, OrderType, Side
from marketdata.simulator.symbols import find_spec

SPEC = find_spec("BTC/USDT")
GOOD = NewOrder(
    symbol="BTCUSDT", side=Side.BUY, type=OrderType.LIMIT, price=60_000 * UNIT, quantity=UNIT, client_order_id="a"
)


def check(order: NewOrder) -> None:
    filters.check(order, SPEC, last_price=64_000 * UNIT, open_orders=[])


def test_a_good_order_passes() -> None:
    check(GOOD)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"price": 60_000 * UNIT + 1}, "PRICE_FILTER"),
        ({"price": 2_000_000 * UNIT}, "PRICE_FILTER"),
        ({"stop_price": 60_000 * UNIT + 1}, "PRICE_FILTER"),
        ({"price": 10_000 * UNIT}, "PERCENT_PRICE_BY_SIDE"),
        ({"price": 400_000 * UNIT}, "PERCENT_PRICE_BY_SIDE"),
        ({"quantity": UNIT + 1}, "LOT_SIZE"),
        ({"quantity": 100_000 * UNIT}, "LOT_SIZE"),
        ({"quantity": 100 * UNIT, "type": OrderType.MARKET, "price": 0}, "MARKET_LOT_SIZE"),
        ({"quantity": SPEC.step}, "NOTIONAL"),
        ({"quantity": 0, "quote_quantity": UNIT, "type": OrderType.MARKET, "price": 0}, "NOTIONAL"),
    ],
)
def test_the_broken_filter_is_named(change: dict[str, object], name: str) -> None:
    with pytest.raises(VenueError, match=f"^Filter failure: {name}$") as refusal:
        check(replace(GOOD, **change))  # type: ignore[arg-type]
    assert refusal.value.code == -1013


def test_every_checked_filter_is_described() -> None:
    described = {row["filterType"] for row in filters.describe(SPEC)}
    assert described >= {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "NOTIONAL", "MAX_NUM_ORDERS"}
