"""Parameters, signatures, windows, rate limits."""

import hashlib
import hmac

import pytest

from marketdata.simulator import signing
from marketdata.simulator.errors import VenueError
from marketdata.simulator.limits import VIOLATIONS_BEFORE_BAN, Limits
from marketdata.simulator.numbers import UNIT, fmt, parse
from marketdata.simulator.orders import OrderType, TimeInForce
from marketdata.simulator.parameters import new_order

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "IOC", "quantity": "1", "price": "2.50"}


@pytest.mark.parametrize("text", ["0.00000001", "1.25000000", "92233720368.54775807"])
def test_amounts_survive_reading_and_writing(text: str) -> None:
    assert fmt(parse(text)) == text


@pytest.mark.parametrize("text", ["", "-1", "1e5", "1.", ".5", "NaN", "1,5", "٣"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse(text)


def test_an_order_is_read() -> None:
    order = new_order(LIMIT, generated_id="made-up")
    assert (order.type, order.time_in_force) == (OrderType.LIMIT, TimeInForce.IOC)
    assert (order.price, order.quantity, order.client_order_id) == (250_000_000, UNIT, "made-up")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": ""}, -1102),
        ({"timeInForce": ""}, -1102),
        ({"timeInForce": "GTX"}, -1115),
        ({"type": "ICEBERG"}, -1116),
        ({"side": "HOLD"}, -1117),
        ({"quantity": "1.0.0"}, -1100),
        ({"quantity": "0.000000001"}, -1111),
        ({"stopPrice": "1"}, -1106),
        ({"type": "MARKET"}, -1106),
        ({"newClientOrderId": "no spaces"}, -1100),
    ],
)
def test_a_malformed_order_has_its_code(change: dict[str, str], code: int) -> None:
    with pytest.raises(VenueError) as refusal:
        new_order(LIMIT | change, generated_id="x")
    assert refusal.value.code == code


def test_the_signature_covers_query_and_body() -> None:
    signed = signing.payload("symbol=BTCUSDT", "side=BUY&timestamp=1&signature=abc")
    assert signed == "symbol=BTCUSDTside=BUY&timestamp=1"
    good = hmac.new(b"secret", signed.encode(), hashlib.sha256).hexdigest()
    signing.verify("secret", signed, good)
    with pytest.raises(VenueError, match="not valid"):
        signing.verify("other", signed, good)


@pytest.mark.parametrize(
    ("now_ms", "fine"), [(10_000, True), (15_000, True), (15_001, False), (9_000, True), (8_999, False)]
)
def test_a_timestamp_is_good_within_its_window(now_ms: int, fine: bool) -> None:
    if fine:
        signing.check_window(10_000, 5_000, now_ms)
    else:
        with pytest.raises(VenueError) as refusal:
            signing.check_window(10_000, 5_000, now_ms)
        assert refusal.value.code == -1021


def test_windows_have_a_largest_size() -> None:
    with pytest.raises(VenueError, match="less than 60000"):
        signing.read_window({"timestamp": "1", "recvWindow": "60001"})


def test_too_much_weight_is_429_and_then_418() -> None:
    limits = Limits(weight_per_minute=10)
    assert limits.spend("1.1.1.1", 10, now_s=600) == 10
    for _ in range(VIOLATIONS_BEFORE_BAN):
        with pytest.raises(VenueError) as refusal:
            limits.spend("1.1.1.1", 1, now_s=610)
        assert (refusal.value.status, refusal.value.retry_after_s) == (429, 50)
    for now_s in (610, 720):
        with pytest.raises(VenueError) as refusal:
            limits.spend("1.1.1.1", 1, now_s=now_s)
        assert refusal.value.status == 418
    assert limits.spend("1.1.1.1", 1, now_s=730) == 1
    assert limits.spend("2.2.2.2", 1, now_s=610) == 1


def test_orders_are_counted_by_account() -> None:
    limits = Limits()
    for number in range(1, 101):
        assert limits.count_order(1, now_s=600) == (number, number)
    with pytest.raises(VenueError) as refusal:
        limits.count_order(1, now_s=609)
    assert (refusal.value.code, refusal.value.retry_after_s) == (-1015, 1)
    assert limits.count_order(2, now_s=609) == (1, 1)
    assert limits.count_order(1, now_s=610) == (1, 102)
