"""ccxt's dictionaries as our records; what makes no sense is refused."""

from decimal import Decimal
from typing import Any

import pytest

from bots.brokers.ccxt.reading import Unreadable, to_balances, to_order, to_trade
from bots.trading.vocabulary import OrderState

D = Decimal
ORDER: dict[str, Any] = {
    "id": "5", "clientOrderId": "a" * 32, "symbol": "BTC/USDT", "side": "buy", "amount": "1.5", "filled": "0",
    "status": "open", "price": "100", "timestamp": 1, "info": {},
}  # fmt: skip
TRADE: dict[str, Any] = {
    "id": "9", "order": "5", "symbol": "BTC/USDT", "side": "sell", "price": "100.1", "amount": "0.3", "timestamp": 7,
    "fee": {"cost": "0.01", "currency": "BNB"}, "takerOrMaker": "maker",
}  # fmt: skip
CONTRACTS = {"contract": True, "contractSize": "0.001", "symbol": "BTC/USDT:USDT"}


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [
        ("open", "0", OrderState.OPEN),
        ("open", None, OrderState.OPEN),
        ("open", "0.5", OrderState.PARTIAL),
        ("open", "1.5", OrderState.FILLED),
        ("canceling", "0", OrderState.OPEN),
        ("closed", "1.5", OrderState.FILLED),
        ("closed", None, OrderState.FILLED),
        ("closed", "0.5", OrderState.CANCELED),
        ("closed", "2", OrderState.FILLED),
        ("canceled", "0.5", OrderState.CANCELED),
        ("expired", "0", OrderState.EXPIRED),
        ("rejected", "0", OrderState.REJECTED),
    ],
)
def test_states(status: str, filled: str | None, state: OrderState) -> None:
    assert to_order(ORDER | {"status": status, "filled": filled}).state is state


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"status": "melted"},
        {"status": None},
        {"status": "canceled", "filled": None},
        {"amount": None},
        {"amount": "NaN"},
        {"amount": "-1"},
        {"filled": "-1"},
        {"filled": "Infinity"},
        {"side": "hold"},
        {"side": None},
        {"price": "one"},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        to_order(ORDER | changes)


def test_contracts_become_base_units() -> None:
    order = to_order(ORDER | {"amount": "10", "filled": "4"}, CONTRACTS)
    assert (order.quantity, order.filled) == (D("0.010"), D("0.004"))
    assert to_trade(TRADE | {"amount": "4"}, CONTRACTS).fill.quantity == D("0.004")


def test_a_fill_keeps_every_digit_and_its_fee_asset() -> None:
    fill = to_trade(TRADE).fill
    assert (fill.price, fill.quantity, fill.fee, fill.fee_asset) == (D("100.1"), D("0.3"), D("0.01"), "BNB")
    assert (fill.is_maker, fill.ts_event) == (True, 7_000_000)


def test_a_rebate_is_a_fee_below_zero() -> None:
    assert to_trade(TRADE | {"fee": {"cost": "-0.01", "currency": "USDT"}}).fill.fee == D("-0.01")


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"timestamp": None},
        {"price": "0"},
        {"amount": "0"},
        {"price": None},
        {"fee": None, "fees": [{"cost": "1", "currency": "A"}, {"cost": "1", "currency": "B"}]},
    ],
)
def test_a_trade_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        to_trade(TRADE | changes)


def test_balances_leave_out_what_is_at_zero() -> None:
    raw = {"total": {"BTC": "1.5", "ETH": "0", "BNB": 0}, "free": {"BTC": "1", "ETH": "0", "BNB": 0}}
    (balance,) = to_balances(raw)
    assert (balance.asset, balance.total, balance.free) == ("BTC", D("1.5"), D(1))


@pytest.mark.parametrize(
    "raw", [{}, {"total": []}, {"total": {"BTC": "x"}, "free": {}}, {"total": {"BTC": None}, "free": {}}]
)
def test_balances_that_cannot_be_read_are_not_empty(raw: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        to_balances(raw)
