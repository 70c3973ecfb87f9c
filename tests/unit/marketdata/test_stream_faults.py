"""One wrong record must not spoil what comes after it: ids and times far ahead, sources that change, refusals."""

import msgspec
import pytest

from marketdata.bars import NS_PER_MINUTE
from marketdata.clock import OffsetClock
from marketdata.events import Bar, BookSnapshot, FeedState, QuoteTick, Ticker, TradeTick
from marketdata.stream import SymbolStream
from tests.unit.marketdata.cast import SECOND, T0, delta, image, live_stream, minute, quote, trade

HOUR = 60 * NS_PER_MINUTE


def states(events) -> list[tuple[str, str]]:
    return [(event.state, event.source) for event in events if isinstance(event, FeedState)]


def quotes(events) -> list[QuoteTick]:
    return [event for event in events if isinstance(event, QuoteTick)]


def summary(last: float, *, at: int) -> Ticker:
    return Ticker(
        exchange="binance", symbol="BTC/USDT", last=last, change=0.0, high=last, low=last, volume=1.0, quote_volume=1.0,
        ts_event=at, ts_init=at,
    )  # fmt: skip


def timed(ts_event: int, at: int, *, id: int = 0) -> QuoteTick:
    """As venues send it that do not number quotes."""
    return msgspec.structs.replace(quote(99, 101, at=at, id=id), ts_event=ts_event)


def know_the_time(stream: SymbolStream) -> None:
    """Records enough to know the venue's clock."""
    for number in range(1, 26):
        stream.receive(trade(100, at=T0, id=number))


def test_prints_behind_a_wrong_id_are_believed_again():
    stream = live_stream()
    stream.receive(trade(100, at=T0, id=5))
    stream.receive(trade(100, at=T0, id=9_000_000))
    out = [stream.receive(trade(100, at=T0 + i, id=5 + i)) for i in range(1, 60)]
    assert stream.state == "live"
    assert any(isinstance(event, TradeTick) for event in out[-1])


def test_a_minute_whose_prints_were_refused_is_left_to_history():
    stream = live_stream()
    stream.bars.seed([minute(-1)], [trade(100, at=T0 - SECOND, id=4)], assume_complete=True)
    stream.receive(trade(100, at=T0, id=5))
    stream.receive(trade(100, at=T0, id=9_000_000))
    stream.receive(trade(105, at=T0 + SECOND, id=6))
    out = stream.receive(trade(100, at=T0 + NS_PER_MINUTE + SECOND, id=7))
    assert not [event for event in out if isinstance(event, Bar)]
    assert stream.bars.needs_history


def test_quotes_behind_a_wrong_id_are_believed_again():
    stream = live_stream()
    stream.receive(quote(99, 101, id=9_000_000))
    out = [stream.receive(quote(99, 101, at=T0 + i * SECOND, id=10 + i)) for i in range(1, 60)]
    assert quotes(out[-1])
    assert stream.state == "live"


def test_trades_that_stop_while_the_days_summary_goes_on_are_stale():
    stream = live_stream()
    stream.receive(trade(100, at=T0, id=7))
    told = []
    for second, last in enumerate((100, 100.5, 100.5, 100.7, 100.7), start=1):
        at = T0 + second * SECOND
        stream.receive(quote(99 + second / 100, 101, at=at, id=10 + second))
        stream.receive(delta(10 + second, 10 + second, bids=[(99 + second / 100, 1)], at=at))
        stream.receive(summary(last, at=at))
        told += states(stream.advance(at))
    assert told == [("stale", "websocket")]
    assert stream.reason == "the trades stopped while the market moves"
    stream.receive(trade(100.7, at=T0 + 6 * SECOND, id=9))
    stream.receive(quote(99.05, 101, at=T0 + 6 * SECOND, id=20))
    assert stream.state == "live"


def test_one_damaged_summary_does_not_stop_the_trades():
    stream = live_stream()
    stream.receive(trade(100, at=T0, id=7))
    for second, last in enumerate((100, 900, 100, 100, 100, 100), start=1):
        at = T0 + second * SECOND
        stream.receive(quote(99, 101, at=at, id=10 + second))
        stream.receive(delta(10 + second, 10 + second, at=at))
        stream.receive(summary(last, at=at))
        assert states(stream.advance(at)) == []


def proved_stream(*, agreements: int) -> tuple[SymbolStream, int]:
    """A stream whose quotes have agreed so often with its book, and the last number."""
    stream = SymbolStream(exchange="binance", symbol="BTC/USDT", clock=OffsetClock(), quotes_prove_book=True)
    stream.connected(T0)
    stream.receive(image(10))
    stream.receive(quote(99, 101, id=10))
    number = 10
    for _ in range(agreements):
        number += 1
        stream.receive(quote(99, 101, id=number, size=float(number)))
        stream.receive(delta(number, number, bids=[(99, number)], asks=[(101, number)]))
    number += 1
    stream.receive(quote(99, 101, id=number))
    return stream, number


@pytest.mark.parametrize("damaged", [(99, 3.0), (100, 1.0)])
def test_quotes_that_count_the_books_changes_show_a_damaged_best_level(damaged):
    stream, number = proved_stream(agreements=25)
    assert (stream.state, stream.gaps) == ("live", 0)
    stream.receive(delta(number, number, bids=[(99, 1), damaged], asks=[(101, 1)]))
    told = stream.receive(quote(99, 101, id=number + 1))
    assert states(told) == [("resyncing", "websocket")]
    assert stream.needs_image
    told = stream.receive(image(number + 1))
    assert states(told) == [("live", "websocket")]


def test_a_lost_quote_is_noticed_at_the_next_after_the_book():
    stream, number = proved_stream(agreements=25)
    stream.receive(delta(number, number + 1, bids=[(99, 0), (98, 1)], asks=[(101, 1)]))
    assert states(stream.receive(quote(98, 101, id=number + 2))) == [("resyncing", "websocket")]


def test_a_venue_whose_quotes_never_agreed_with_its_book_loses_no_book():
    stream, number = proved_stream(agreements=5)
    stream.receive(delta(number, number, bids=[(98.5, 1)], asks=[(100.5, 1)]))
    assert states(stream.receive(quote(99, 101, id=number + 1))) == []
    assert stream.state == "live"


def test_a_quote_without_a_number_that_was_overtaken_is_dropped():
    stream = live_stream()
    stream.receive(timed(T0 + 2 * SECOND, T0 + 2 * SECOND))
    assert quotes(stream.receive(timed(T0 + SECOND, T0 + 2 * SECOND))) == []
    assert stream.counts["rejected.out of order"] == 1
    assert quotes(stream.receive(timed(T0 + 2 * SECOND, T0 + 2 * SECOND)))


def test_quotes_behind_a_wrong_time_are_believed_again():
    stream = live_stream()
    stream.receive(timed(T0 + 900 * SECOND, T0))
    out = []
    for number in range(1, 60):
        out += quotes(stream.receive(timed(T0 + number * SECOND, T0 + number * SECOND)))
    assert out[-1].ts_event == T0 + 59 * SECOND
    assert stream.state == "live"


def test_images_behind_a_wrong_id_are_believed_again():
    stream = SymbolStream(exchange="bingx", symbol="BTC/USDT", clock=OffsetClock())
    stream.connected(T0)
    for number in (1, 9_000_000, 2, 3, 4, 5, 6):
        out = stream.receive(msgspec.structs.replace(image(number), from_stream=True))
    assert any(isinstance(event, BookSnapshot) for event in out)


def test_one_image_that_was_overtaken_is_dropped():
    stream = SymbolStream(exchange="bingx", symbol="BTC/USDT", clock=OffsetClock())
    stream.connected(T0)
    for number in (5, 4):
        out = stream.receive(msgspec.structs.replace(image(number), from_stream=True))
    assert not any(isinstance(event, BookSnapshot) for event in out)
    assert stream.book.is_valid


@pytest.mark.parametrize("ahead_ns", [SECOND * 3, HOUR // 2, 24 * HOUR, 365 * 24 * HOUR])
def test_a_print_from_the_future_neither_closes_minutes_nor_moves_the_clock(ahead_ns):
    stream = live_stream()
    stream.bars.seed([minute(-1)], [trade(100, at=T0 - SECOND, id=4)], assume_complete=True)
    know_the_time(stream)
    wrong = msgspec.structs.replace(trade(100, at=T0 + SECOND, id=26), ts_event=T0 + ahead_ns)
    out = stream.receive(wrong)
    assert not [event for event in out if isinstance(event, Bar | TradeTick)]
    assert stream.now_ns(T0 + SECOND) == T0 + SECOND
    out = stream.receive(trade(100, at=T0 + SECOND, id=27))
    assert any(isinstance(event, TradeTick) for event in out)
    stream.receive(quote(99, 101, at=T0 + SECOND, id=12))
    assert stream.state == "live"
    # It counts nowhere, so its minute is for history to tell.
    assert stream.bars.needs_history


def test_a_clock_of_ours_that_was_set_back_is_learnt():
    stream = live_stream()
    know_the_time(stream)
    for number in range(26, 80):
        sent = trade(100, at=T0 + number * SECOND, id=number)
        out = stream.receive(msgspec.structs.replace(sent, ts_init=sent.ts_init - HOUR))
    assert any(isinstance(event, TradeTick) for event in out)
    assert stream.now_ns(T0 - HOUR) == pytest.approx(T0)


def test_rest_is_compared_by_time_where_quotes_have_no_number():
    stream = live_stream()
    stream.receive(timed(T0, T0))
    stream.disconnected(T0, reason="lost")
    first = msgspec.structs.replace(image(90), ts_event=T0 + SECOND, ts_init=T0 + SECOND)
    assert states(stream.receive_polled(first)) == [("fallback", "rest")]
    stream.connected(T0 + 2 * SECOND)
    stream.receive(image(200, at=T0 + 9 * SECOND))
    stream.receive(timed(T0 + 9 * SECOND, T0 + 9 * SECOND))
    assert stream.state == "live"
    stream.disconnected(T0 + 10 * SECOND, reason="lost")
    # Newer than the last answer of REST, older than what the socket said since.
    old = msgspec.structs.replace(image(100), ts_event=T0 + 5 * SECOND, ts_init=T0 + 11 * SECOND)
    assert stream.receive_polled(old) == []


def test_rest_never_goes_back_behind_the_book_of_the_socket():
    stream = live_stream()
    stream.receive(delta(11, 700))
    stream.disconnected(T0, reason="lost")
    assert stream.receive_polled(image(699)) == []
    assert states(stream.receive_polled(image(700))) == [("fallback", "rest")]


def test_rest_never_goes_back_behind_a_socket_that_is_contradicted():
    stream = live_stream()
    stream.diverged(T0, reason="the price differs")
    stream.receive(quote(99, 101, id=500))
    assert stream.receive_polled(image(499)) == []


def test_a_socket_that_agrees_again_brings_its_own_price_at_once():
    stream = live_stream()
    stream.diverged(T0, reason="the price differs from other")
    stream.receive_second("other", quote(96, 98, at=T0 + SECOND))
    stream.receive(quote(99, 101, at=T0 + SECOND, id=11))
    out = stream.diverged(T0 + 2 * SECOND, reason="")
    assert states(out) == [("live", "websocket")]
    assert [event.bid for event in quotes(out)] == [99]
    assert stream.quote.bid == 99


def test_a_price_that_has_moved_while_only_rest_speaks_is_believed_after_a_while():
    stream = live_stream()
    stream.disconnected(T0, reason="lost")
    out = []
    for number in range(1, 60):
        moved = image(100 + number, bids=((70.0, 1.0),), asks=((71.0, 1.0),), at=T0 + number * SECOND)
        out = stream.receive_polled(moved)
    assert [event.bid for event in quotes(out)] == [70.0]


def test_quotes_that_a_successor_held_back_are_not_told_again():
    stream = live_stream()
    for second in (1, 2, 3):
        stream.receive(timed(T0 + second * SECOND, T0 + second * SECOND))
    stream.handed_over(T0 + 3 * SECOND)
    for second in (1, 2):
        assert quotes(stream.receive(timed(T0 + second * SECOND, T0 + second * SECOND))) == []
    assert quotes(stream.receive(timed(T0 + 4 * SECOND, T0 + 4 * SECOND)))
    assert stream.state == "live"


def test_a_refused_symbol_does_not_flap_while_rest_stands_in():
    stream = live_stream()
    stream.refused(T0, reason="no such channel")
    assert states(stream.receive_polled(image(600, at=T0 + SECOND))) == [("fallback", "rest")]
    out = stream.receive(quote(99, 101, at=T0 + SECOND, id=601))
    assert states(out) == []
    assert stream.state == "fallback"
    assert states(stream.refused(T0 + 2 * SECOND, reason="no such channel")) == []


def test_minutes_are_not_whole_while_a_channel_is_refused():
    stream = live_stream()
    stream.bars.seed([minute(-1)], [trade(100, at=T0 - SECOND, id=4)], assume_complete=True)
    stream.receive(trade(100, at=T0, id=5))
    stream.refused(T0 + SECOND, reason="no such channel")
    out = [event for i in range(1, 5) for event in stream.advance(T0 + i * NS_PER_MINUTE + SECOND)]
    assert not [event for event in out if isinstance(event, Bar)]


def test_a_refusal_ends_when_it_was_asked_again_and_data_came():
    stream = live_stream()
    stream.refused(T0, reason="too many requests")
    stream.asked_again(T0)
    stream.receive(image(700, at=T0 + SECOND))
    out = stream.receive(quote(99, 101, at=T0 + SECOND, id=701))
    assert stream.state == "live", out


def test_rest_stands_in_again_when_a_damaged_number_of_the_book_was_healed():
    stream = live_stream()
    stream.receive(delta(11, 9_000_000))
    stream.receive(delta(12, 12))
    assert stream.needs_image
    stream.receive(image(13))
    stream.receive(delta(14, 14))
    stream.disconnected(T0, reason="lost")
    assert stream.receive_polled(image(13)) == []
    assert states(stream.receive_polled(image(15))) == [("fallback", "rest")]


def test_a_first_image_as_old_as_the_last_change_of_a_quiet_book_is_no_clock():
    clock = OffsetClock()
    stream = SymbolStream(exchange="kraken", symbol="BTC/USDT", clock=clock)
    stream.connected(T0)
    stream.receive(msgspec.structs.replace(image(1, at=T0), from_stream=True, ts_event=T0 - 30 * SECOND))
    out = stream.receive(trade(100, at=T0, id=1))
    assert any(isinstance(event, TradeTick) for event in out)
    assert stream.now_ns(T0) == T0
