from quant.features.bars import FormingBar
from tests.unit.quant.market import SECOND, START, bar, trade

MINUTE = 60 * SECOND


def test_prints_shape_the_bar():
    forming = FormingBar("1m")
    for second, price in enumerate((100.0, 103.0, 99.0, 101.0)):
        forming.print(trade(START + second * SECOND, price))
    assert (forming.ts_open, forming.high, forming.low, forming.close) == (START, 103.0, 99.0, 101.0)


def test_a_print_of_the_next_minute_begins_a_bar():
    forming = FormingBar("1m")
    forming.print(trade(START, 100.0))
    forming.print(trade(START + MINUTE, 90.0))
    assert (forming.ts_open, forming.high, forming.low) == (START + MINUTE, 90.0, 90.0)


def test_a_late_print_of_an_earlier_minute_is_left_out():
    forming = FormingBar("1m")
    forming.print(trade(START + MINUTE, 100.0))
    forming.print(trade(START, 500.0))
    assert forming.high == 100.0


def test_the_venue_may_tell_the_bar():
    forming = FormingBar("1m")
    forming.replace(bar(0, 101.0, open_=99.0, high=104.0, closed=False))
    assert (forming.high, forming.low, forming.close) == (104.0, 99.0, 101.0)
