"""When stops are reached, standing and trailing."""

from dataclasses import replace

from marketdata.simulator.orders import Order, OrderType, SelfTrade, Side, Status, TimeInForce
from marketdata.simulator.stops import reached

STOP = Order(
    id=1, account_id=1, symbol="BTCUSDT", client_order_id="alice-1", side=Side.SELL, type=OrderType.STOP_LOSS,
    time_in_force=TimeInForce.GTC, price=0, quantity=1, quote_quantity=0, stop_price=0, self_trade=SelfTrade.NONE,
    status=Status.NEW, executed=0, executed_quote=0, locked=0, working=False, queue_ahead=0, time_ms=0, update_ms=0,
    working_ms=-1, trailing_delta=100,
)  # fmt: skip


def hits(stop: Order, *prices: int) -> list[bool]:
    return [reached(stop, price) for price in prices]


def test_a_trailing_sell_follows_the_peak() -> None:
    assert hits(replace(STOP), 10_000, 10_100, 10_001, 9_999) == [False, False, False, True]


def test_a_trailing_buy_follows_the_bottom() -> None:
    assert hits(replace(STOP, side=Side.BUY), 10_000, 9_900, 9_998, 9_999) == [False, False, False, True]


def test_it_trails_only_once_its_stop_price_was_reached() -> None:
    target = replace(STOP, type=OrderType.TAKE_PROFIT, stop_price=11_000)
    assert hits(target, 10_000, 9_000, 11_000, 11_500, 11_386, 11_385) == [False, False, False, False, False, True]


def test_a_standing_stop_stands() -> None:
    standing = replace(STOP, trailing_delta=0, stop_price=9_900)
    assert hits(standing, 10_000, 12_000, 9_901, 9_900) == [False, False, False, True]
    assert standing.trail_price == 0
