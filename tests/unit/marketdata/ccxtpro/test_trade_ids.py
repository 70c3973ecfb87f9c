from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from marketdata.ccxtpro.trade_ids import TradeIds


def test_growing_numbers_are_kept() -> None:
    ids = TradeIds()
    assert [ids.number(str(number), time_ms=1) for number in (5, 6, 9)] == [5, 6, 9]


def test_what_was_seen_before_gets_none() -> None:
    ids = TradeIds()
    ids.number("5", time_ms=1)
    assert ids.number("5", time_ms=1) is None
    assert ids.number("4", time_ms=1) is None
    words = TradeIds()
    assert words.number("a-1", time_ms=7) == 7_000
    assert words.number("a-1", time_ms=7) is None
    assert words.number("a-2", time_ms=7) == 7_001


def test_numbers_in_no_order_give_way_to_the_time() -> None:
    ids = TradeIds()
    assert ids.number("900", time_ms=1) == 900
    assert ids.number("17", time_ms=2) == 2_000
    assert ids.number("901", time_ms=2) == 2_001


def test_trades_without_an_id_are_told_apart() -> None:
    ids = TradeIds()
    assert [ids.number(None, time_ms=3) for _ in range(3)] == [3_000, 3_001, 3_002]


def test_an_id_too_large_for_the_database_is_replaced() -> None:
    assert TradeIds().number(str(2**63), time_ms=4) == 4_000


@given(st.lists(st.tuples(st.one_of(st.none(), st.text(max_size=4), st.integers(0, 50).map(str)), st.integers(0, 30))))
def test_ids_always_grow(trades: list[tuple[str | None, int]]) -> None:
    ids = TradeIds()
    numbers = [number for venue_id, time_ms in trades if (number := ids.number(venue_id, time_ms=time_ms)) is not None]
    assert all(before < after for before, after in pairwise(numbers))
