"""What trades make of a position, to the last unit."""

from hypothesis import given
from hypothesis import strategies as st

from marketdata.simulator.numbers import UNIT, times
from marketdata.simulator.orders import Side
from marketdata.simulator.usdm.orders import Position

STEP, TICK = UNIT // 1000, UNIT // 10
TRADES = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 10**6), st.integers(1, 500)), max_size=40)


def alice() -> Position:
    return Position(account_id=1, symbol="BTCUSDT")


@given(TRADES)
def test_what_was_realized_is_what_was_paid_and_got_and_what_the_rest_cost(trades: list[tuple[Side, int, int]]) -> None:
    position, realized, paid, amount = alice(), 0, 0, 0
    for side, price, size in trades:
        sign = 1 if side is Side.BUY else -1
        realized += position.trade(side, price * TICK, size * STEP)
        paid -= sign * times(price * TICK, size * STEP)
        amount += sign * size * STEP
        assert (realized, position.amount) == (paid + position.cost, amount)


def test_selling_three_against_two_leaves_a_short_of_one_at_the_new_price() -> None:
    position = alice()
    position.trade(Side.BUY, 100 * UNIT, 2 * UNIT)
    assert position.trade(Side.SELL, 110 * UNIT, 3 * UNIT) == 20 * UNIT
    assert (position.amount, position.entry_price) == (-UNIT, 110 * UNIT)


def test_a_closed_position_costs_nothing() -> None:
    position = alice()
    position.trade(Side.SELL, 100 * UNIT, 3 * UNIT)
    assert position.trade(Side.BUY, 90 * UNIT, 3 * UNIT) == 30 * UNIT
    assert (position.amount, position.cost, position.worth(50 * UNIT)) == (0, 0, 0)
