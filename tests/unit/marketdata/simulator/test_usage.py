"""What the venue counts of its clients, and what it remembers of its books."""

import pytest

from marketdata.simulator.numbers import UNIT
from marketdata.simulator.past import Past, image_of
from marketdata.simulator.usage import WINDOW_S, Usage
from tests.unit.marketdata.simulator.quiet_market import QuietMarket


def test_connections_are_limited_by_address_over_five_minutes() -> None:
    usage = Usage(2)
    assert [usage.may_connect("a", at) for at in (0.0, 1.0, 2.0)] == [True, True, False]
    assert usage.may_connect("b", 2.0)
    assert usage.may_connect("a", 1.5 + WINDOW_S)
    assert (usage.counters.connections, usage.counters.connections_refused) == (5, 1)
    assert usage.counters.most_connections_in_5min == 3


def test_requests_are_counted_by_path_and_at_once() -> None:
    usage = Usage(2)
    for path in ("/depth", "/depth", "/time"):
        usage.rest_asked(path)
    for status in (200, 429):
        usage.rest_answered("/depth", status)
    usage.rest_asked("/depth")
    state = usage.state()
    assert state["rest"] == {
        "/depth": {"requests": 3, "most_at_once": 2},
        "/time": {"requests": 1, "most_at_once": 1},
    }
    assert (state["rest_429"], state["rest_418"]) == (1, 0)


@pytest.mark.parametrize(("milliseconds", "expected"), [(0, 14), (1000, 13), (2500, 11), (60_000, 10)])
def test_a_book_of_some_time_ago(milliseconds: int, expected: int) -> None:
    market = QuietMarket(bids=[(99 * UNIT, UNIT)], asks=[(101 * UNIT, UNIT)])
    past = Past({"BTCUSDT": market})
    for second in range(5):
        market.update_id = 10 + second
        past.remember("BTCUSDT", image_of(market, limit=5, now_s=float(second)))
    image = past.image("BTCUSDT", milliseconds=milliseconds, now_s=4.0)
    assert image is not None
    assert image.update_id == expected


def test_before_the_first_there_is_none() -> None:
    market = QuietMarket(bids=[], asks=[])
    assert Past({"BTCUSDT": market}).image("BTCUSDT", milliseconds=1, now_s=0.0) is None
