"""A record that stands alone is held back; one that another confirms is told."""

from itertools import count

import pytest
from msgspec.structs import replace

from marketdata.clock import OffsetClock
from marketdata.events import BookSnapshot, FeedState, QuoteTick, TradeTick
from marketdata.stream import SymbolStream
from tests.unit.marketdata.cast import SECOND, T0, delta, image, minute, quote, trade


def calm_stream(**options) -> SymbolStream:
    """Alice watches a market that has stood at 99.99 to 100.01 for a while; its book begins at 10."""
    stream = SymbolStream(exchange="binance", symbol="BTC/USDT", clock=OffsetClock(), **options)
    stream.connected(T0)
    stream.receive(image(10, bids=[(99.99, 1.0), (99.9, 1.0)], asks=[(100.01, 1.0), (100.1, 1.0)]))
    for number in range(10):
        stream.receive(quote(99.99, 100.01, id=number + 1))
    assert stream.state == "live"
    return stream


def told(events, kind):
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize(("bid", "ask"), [(98.99, 100.01), (99.99, 101.01)])
def test_one_side_that_moves_alone_is_not_told(bid, ask):
    stream = calm_stream()
    assert stream.receive(quote(bid, ask, id=11)) == []
    assert stream.counts["held.quote"] == 1
    (back,) = told(stream.receive(quote(99.99, 100.01, id=12)), QuoteTick)
    assert (back.bid, back.ask) == (99.99, 100.01)
    assert stream.counts["rejected.unconfirmed"] == 1
    assert stream.state == "live"


def test_a_move_is_told_with_the_second_quote_that_says_so():
    stream = calm_stream()
    assert stream.receive(quote(98.99, 99.01, id=11)) == []
    (moved,) = told(stream.receive(quote(98.99, 99.02, id=12)), QuoteTick)
    assert moved.bid == 98.99
    assert told(stream.receive(quote(99.0, 99.02, id=13)), QuoteTick)
    assert not [kind for kind in stream.counts if kind.startswith("rejected")]


def test_a_move_that_the_book_made_first_is_told_at_once():
    stream = calm_stream()
    stream.receive(delta(11, 11, bids=[(99.99, 0), (99.9, 0), (99.5, 1.0)]))
    assert told(stream.receive(quote(99.5, 100.01, id=11)), QuoteTick)
    assert stream.counts["held.quote"] == 0


def test_a_move_that_was_printed_first_is_told_at_once():
    stream = calm_stream()
    for number in (1, 2):
        stream.receive(trade(101.0, at=T0 + number, id=number))
    assert told(stream.receive(quote(100.99, 101.01, id=11, at=T0 + 3)), QuoteTick)


def test_quotes_that_run_are_told_from_the_third_on():
    stream = calm_stream()
    runs = [
        stream.receive(quote(price, price + 0.02, id=11 + step)) for step, price in enumerate((101.0, 102.0, 103.0))
    ]
    assert [bool(told(out, QuoteTick)) for out in runs] == [False, False, True]


def test_after_a_pause_a_market_may_have_moved():
    stream = calm_stream()
    assert told(stream.receive(quote(99.5, 99.52, id=11, at=T0 + 60 * SECOND)), QuoteTick)


def test_after_a_reconnect_the_first_quote_is_believed():
    stream = calm_stream()
    stream.connected(T0 + SECOND)
    assert told(stream.receive(quote(98.99, 99.01, id=1, at=T0 + SECOND)), QuoteTick)


def test_what_was_held_back_before_a_reconnect_is_forgotten():
    stream = calm_stream()
    stream.receive(trade(101.0, at=T0, id=9))
    stream.receive(quote(100.99, 101.01, id=11))
    stream.connected(T0 + 1)
    out = [event for number in range(3) for event in stream.receive(quote(100.99, 101.01, id=number + 1, at=T0 + 2))]
    assert len(told(out, QuoteTick)) == 3
    assert told(out, TradeTick) == []


def test_a_quote_from_the_book_is_as_true_as_the_book():
    stream = SymbolStream(exchange="coinbase", symbol="BTC/USDT", clock=OffsetClock(), quotes_from_book=True)
    stream.connected(T0)
    stream.receive(image(10, bids=[(99.99, 1.0), (98.9, 1.0)], asks=[(100.01, 1.0)]))
    (moved,) = told(stream.receive(delta(11, 11, bids=[(99.99, 0)])), QuoteTick)
    assert moved.bid == 98.9


@pytest.mark.parametrize("price", [99.0, 101.0])
def test_a_print_that_stands_alone_is_not_told(price):
    stream = calm_stream()
    stream.bars.seed([minute(-1)], [trade(100.0, at=T0 - SECOND, id=1)], assume_complete=True)
    stream.receive(trade(100.0, at=T0, id=2))
    assert not stream.bars.needs_history
    assert stream.receive(trade(price, at=T0, id=3)) == []
    back = told(stream.receive(trade(100.0, at=T0, id=4)), TradeTick)
    assert [one.trade_id for one in back] == [4]
    assert stream.counts["rejected.unconfirmed"] == 1
    assert stream.bars.needs_history


def test_a_print_is_told_before_the_one_that_confirms_it():
    stream = calm_stream()
    assert stream.receive(trade(101.0, at=T0, id=1)) == []
    confirmed = told(stream.receive(trade(101.0, at=T0, id=2)), TradeTick)
    assert [one.trade_id for one in confirmed] == [1, 2]


def test_a_print_is_told_when_the_quotes_have_come_to_it():
    stream = calm_stream()
    assert stream.receive(trade(101.0, at=T0, id=1)) == []
    out = []
    for number in range(2):
        out += stream.receive(quote(100.99, 101.01, id=11 + number, at=T0 + number))
    assert [one.trade_id for one in told(out, TradeTick)] == [1]


def test_a_print_that_quotes_do_not_come_to_is_refused_after_a_second():
    stream = calm_stream()
    stream.receive(trade(101.0, at=T0, id=1))
    stream.receive(quote(99.99, 100.01, id=11, at=T0 + SECOND // 2))
    assert stream.counts["rejected.unconfirmed"] == 0
    stream.receive(quote(99.99, 100.01, id=12, at=T0 + 2 * SECOND))
    assert stream.counts["rejected.unconfirmed"] == 1


def test_a_print_deep_in_the_book_is_told():
    stream = calm_stream()
    stream.receive(delta(11, 11, asks=[(100.01, 0), (100.1, 0), (101.0, 5.0)]))
    assert told(stream.receive(trade(101.0, at=T0, id=1)), TradeTick)


def test_an_index_moves_as_it_likes():
    stream = SymbolStream(exchange="upstox", symbol="NIFTY", clock=OffsetClock(), is_index=True)
    stream.connected(T0)
    prices = (100.0, 105.0, 95.0)
    out = [stream.receive(trade(price, at=T0, id=step, size=0.0)) for step, price in enumerate(prices, start=1)]
    assert all(told(one, TradeTick) for one in out)


def whole(number: int, bid: float, ask: float):
    return replace(image(number, bids=[(bid, 1.0)], asks=[(ask, 1.0)]), from_stream=True)


def test_one_whole_book_elsewhere_is_held_back_and_two_are_not():
    stream = calm_stream()
    assert stream.receive(whole(11, 98.0, 100.01)) == []
    assert stream.book.best_bid == 99.99
    assert told(stream.receive(whole(12, 99.99, 100.01)), BookSnapshot)
    assert stream.receive(whole(13, 98.0, 98.02)) == []
    assert told(stream.receive(whole(14, 98.0, 98.02)), BookSnapshot)


def meeting_stream() -> tuple[SymbolStream, count]:
    """Quotes without numbers, whose best prices have met the book's often."""
    stream = calm_stream()
    numbers = count(11)
    for number in numbers:
        at = T0 + number * SECOND // 10
        stream.receive(quote(99.99, 100.01, id=0, at=at))
        stream.receive(delta(number, number, bids=[(90.0, number)], at=at))
        if number == 40:
            return stream, numbers
    raise AssertionError


def test_a_wrong_level_on_top_of_the_book_is_noticed_when_quotes_no_longer_meet_it():
    stream, numbers = meeting_stream()
    states = []
    for number in numbers:
        at = T0 + number * SECOND // 10
        states += told(stream.receive(quote(99.99, 100.01, id=0, at=at)), FeedState)
        # A phantom bid inside the spread, that nobody ever takes away.
        changes = [(100.0, 1.0)] if number == 41 else [(90.0, number)]
        states += told(stream.receive(delta(number, number, bids=changes, at=at)), FeedState)
        if states or number == 120:
            break
    assert [event.state for event in states] == ["resyncing"]
    assert stream.counts["book.contradicted"] == 1
    assert number < 80


def test_a_book_that_goes_on_while_quotes_stand_is_left_to_the_watchdog():
    stream, numbers = meeting_stream()
    for number in numbers:
        stream.receive(delta(number, number, bids=[(100.0, number)], at=T0 + number * SECOND // 10))
        if number == 120:
            break
    assert stream.counts["book.contradicted"] == 0
