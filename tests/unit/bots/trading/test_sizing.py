"""Sizes: the least of all limits, in whole lots, always sellable again."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.trading.limits import BotLimits
from bots.trading.money import floor_to, from_float
from bots.trading.sizing import Sized, TooSmall, collar_price, exit_quantity, limit_price, size_entry, slice_quantity
from bots.trading.vocabulary import Side
from tests.unit.bots.trading.cast import RULES

D = Decimal
LIMITS = BotLimits(
    capital=D(2000),
    maximum_positions=3,
    maximum_position_value=D(300),
    maximum_trades_per_day=200,
    minimum_confidence=0.25,
    stop_loss=D("0.02"),
    take_profit=D("0.04"),
    trailing_stop=D(0),
    daily_loss_limit=D("0.03"),
    weekly_target=None,
    maximum_drawdown=D("0.10"),
)


def size(**changes: Any) -> Sized | TooSmall:
    values: dict[str, Any] = {
        "rules": RULES,
        "limits": LIMITS,
        "price": 100.0,
        "forecast": 10.0,
        "sigma_annual": 0.16,
        "equity": D(2000),
        "account_equity": D(10_000),
        "free_cash": D(10_000),
    }
    return size_entry(**values | changes)


def test_what_the_fee_would_leave_too_small_to_sell_is_not_bought() -> None:
    rules = msgspec.structs.replace(RULES, min_quantity=D(1))
    found = size(rules=rules, free_cash=D(100))
    assert isinstance(found, TooSmall), "one unit less its fee is less than one"
    assert isinstance(size(rules=rules, free_cash=D(102)), Sized)


@pytest.mark.parametrize(
    ("changes", "binding", "quantity"),
    [
        ({}, "maximum_position_value", D("3")),
        ({"sigma_annual": 3.2}, "volatility_target", D("1")),
        ({"sigma_annual": 1.6, "forecast": 5.0}, "volatility_target", D("1")),
        ({"equity": D(400)}, "risk_per_trade", D("1")),
        ({"free_cash": D("123.45")}, "free_cash", D("1.234")),
        ({"account_equity": D(2000)}, "order_value", D("0.98")),
        ({"depth_quantity": 5.0}, "depth", D("0.5")),
        ({"symbol_room": D(100)}, "symbol_exposure", D("0.98")),
        ({"gross_room": D(50)}, "gross_exposure", D("0.49")),
        ({"rules": msgspec.structs.replace(RULES, max_quantity=D("0.7"))}, "max_quantity", D("0.7")),
    ],
)
def test_the_tightest_limit_binds_and_is_named(changes: dict[str, Any], binding: str, quantity: Decimal) -> None:
    sized = size(**changes)
    assert isinstance(sized, Sized)
    assert (sized.binding, sized.quantity) == (binding, quantity)


def test_too_little_to_trade_is_refused_with_a_sentence() -> None:
    refused = size(free_cash=D("5.05"))
    assert isinstance(refused, TooSmall)
    assert refused.reason.code == "too_small"
    assert "free cash allows 5.05 USDT" in refused.reason.text
    assert "5.10" in refused.reason.text


def test_no_room_at_all_is_refused_and_not_negative() -> None:
    assert isinstance(size(symbol_room=D(-50)), TooSmall)
    assert isinstance(size(forecast=0.0), TooSmall)


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_a_price_that_is_none_is_an_error(price: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        size(price=price)
    with pytest.raises(ValueError, match="positive"):
        collar_price(side=Side.BUY, mid=price, rules=RULES)


@given(
    price=st.floats(0.01, 1e5), forecast=st.floats(-20, 20), sigma=st.none() | st.floats(0, 5),
    cash=st.decimals(0, 10_000, places=4), depth=st.none() | st.floats(0, 1e4),
)  # fmt: skip
def test_no_limit_is_ever_exceeded(
    price: float, forecast: float, sigma: float | None, cash: Decimal, depth: float | None
) -> None:
    sized = size(price=price, forecast=forecast, sigma_annual=sigma, free_cash=cash, depth_quantity=depth)
    if isinstance(sized, TooSmall):
        return
    assert sized.quantity % RULES.lot_size == 0
    assert sized.notional <= min(sized.limits.values()) + D("1e-8")
    assert sized.notional >= RULES.min_notional
    assert sized.quantity >= RULES.min_quantity


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, D("103.03")), (Side.SELL, D("97.04"))])
def test_a_collar_lies_beyond_the_mid_on_a_tick(side: Side, price: Decimal) -> None:
    assert collar_price(side=side, mid=100.037, rules=RULES) == price


def test_a_limit_is_never_worse_than_asked() -> None:
    assert limit_price(side=Side.BUY, price=100.019, rules=RULES) == D("100.01")
    assert limit_price(side=Side.SELL, price=100.011, rules=RULES) == D("100.02")


def test_an_exit_is_all_whole_lots() -> None:
    assert exit_quantity(rules=RULES, held=D("0.9999")) == D("0.999")


@given(st.floats(0, 1e8), st.sampled_from([D("0.00001"), D("0.1"), D(1)]))
def test_rounding_down_never_gains(value: float, step: Decimal) -> None:
    rounded = floor_to(from_float(value), step)
    assert 0 <= from_float(value) - rounded < step


def test_an_entry_is_at_most_a_hundredth_of_what_a_day_trades_where_that_is_known() -> None:
    found = size(day_volume=100.0)
    assert isinstance(found, Sized)
    assert (found.binding, found.quantity) == ("day_volume", D(1))
    assert "day_volume" not in size(day_volume=None).limits


@given(held=st.decimals(min_value=D("0.05"), max_value=D(20), places=3), depth=st.floats(0.0, 300.0))
def test_slices_close_all_of_it_and_none_is_more_than_a_tenth_of_the_depth_or_the_smallest_order(
    held: Decimal, depth: float
) -> None:
    left, slices = held, 0
    while left:
        part = slice_quantity(rules=RULES, held=left, price=D(100), depth_quantity=depth)
        # 5 in quote at 100; the last one takes what would be too little for one of its own.
        assert D("0.05") <= part < max(from_float(depth) / 10, D("0.05")) + D("0.05")
        left, slices = left - part, slices + 1
    assert slices <= held / D("0.05")


def test_without_a_known_depth_everything_goes_at_once() -> None:
    assert slice_quantity(rules=RULES, held=D("7.0005"), price=D(100), depth_quantity=None) == D(7)
