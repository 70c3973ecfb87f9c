"""Good and bad records that take turns: the state does not."""

import msgspec
import pytest

from marketdata.events import FeedState
from marketdata.stream import SymbolStream
from tests.unit.marketdata.cast import SECOND, T0, delta, image, live_stream, quote, trade

TENTH = SECOND // 10


def states_of(stream: SymbolStream, *, seconds: float, bad_share: int) -> list[str]:
    """Ten quotes a second, one in `bad_share` crossed, with a book update beside each."""
    told: list[str] = []
    for number in range(int(seconds * 10)):
        at = T0 + number * TENTH
        bid, ask = (101, 99) if not number % bad_share else (99, 101)
        events = [
            *stream.receive(delta(11 + number, 11 + number, at=at)),
            *stream.receive(quote(bid, ask, at=at, id=11 + number)),
        ]
        told += [event.state for event in events if isinstance(event, FeedState)]
    return told


@pytest.mark.parametrize("bad_share", [1, 2, 5])
def test_prices_that_are_wrong_again_and_again_hold_the_symbol_once(bad_share):
    assert states_of(live_stream(), seconds=30, bad_share=bad_share) == ["stale", "live", "stale"]


def test_it_is_live_again_after_a_calm_second():
    stream = live_stream()
    states_of(stream, seconds=5, bad_share=2)
    at = T0 + 5 * SECOND
    # The last bad one came two tenths before.
    assert stream.receive(quote(99, 101, at=at + 7 * TENTH, id=100)) != []
    assert stream.state == "stale"
    stream.receive(quote(99, 101, at=at + 8 * TENTH, id=101))
    assert stream.state == "live"


def test_prices_that_were_wrong_long_ago_do_not_count():
    stream = live_stream()
    states_of(stream, seconds=5, bad_share=2)
    for number in range(100, 112):
        stream.receive(quote(99, 101, at=T0 + number * SECOND, id=number))
    assert stream.state == "live"
    stream.receive(quote(101, 99, at=T0 + 112 * SECOND, id=112))
    assert stream.state == "stale"
    stream.receive(quote(99, 101, at=T0 + 112 * SECOND, id=113))
    assert stream.state == "live"


def test_wrong_prices_of_the_socket_do_not_end_the_fallback():
    stream = live_stream()
    states_of(stream, seconds=2, bad_share=1)
    at = T0 + 2 * SECOND
    stream.receive_polled(image(100, at=at))
    assert (stream.state, stream.source) == ("fallback", "rest")
    assert stream.receive(quote(101, 99, at=at + TENTH, id=101)) == []
    assert (stream.state, stream.source) == ("fallback", "rest")
    stream.receive(quote(99, 101, at=at + 2 * SECOND, id=102))
    assert (stream.state, stream.source) == ("live", "websocket")


def test_records_around_the_limit_of_lateness_hold_the_symbol_once():
    stream = live_stream()
    told: list[str] = []
    for number in range(100):
        at = T0 + number * TENTH
        behind_ns = (0.4 if number % 2 else 0.6) * SECOND if number else 0
        print_ = msgspec.structs.replace(trade(100, at=at, id=number + 1), ts_event=at - int(behind_ns))
        told += [event.state for event in stream.receive(print_) if isinstance(event, FeedState)]
    assert told == ["stale", "live", "stale"]


def test_quotes_that_rest_has_overtaken_are_late_and_not_silent():
    """A channel that is asked for again loses what is sent meanwhile."""
    stream = live_stream()
    for number in range(1, 40):
        at = T0 + number * TENTH
        print_ = msgspec.structs.replace(trade(100, at=at, id=number), ts_event=at if number == 1 else T0)
        stream.receive(print_)
        stream.receive(delta(10 + number, 10 + number, bids=((99.5, number),), at=at))
        stream.receive_polled(image(1_000 + number, at=at))
        stream.receive(quote(99, 101, at=at, id=10 + number))
        stream.advance(at)
        assert not stream.is_silent
    assert stream.counts["overtaken.quote"] > 30
