"""One symbol: what is accepted, what holds it, and what consumers are told."""

import math

import pytest

from marketdata.clock import NewestEventClock, OffsetClock
from marketdata.events import Bar, BookSnapshot, FeedState, QuoteTick, TradeTick
from marketdata.quality import PriceReference, QualityLimits
from marketdata.stream import SymbolStream
from tests.unit.marketdata.cast import MINUTE, SECOND, T0, delta, image, live_stream, minute, quote, trade


def states(events) -> list[tuple[str, str]]:
    return [(event.state, event.source) for event in events if isinstance(event, FeedState)]


def test_live_needs_a_book_and_a_quote():
    stream = SymbolStream(exchange="binance", symbol="BTC/USDT", clock=OffsetClock())
    assert states(stream.connected(T0)) == [("resyncing", "websocket")]
    assert stream.needs_image
    assert states(stream.receive(quote(99, 101))) == []
    out = stream.receive(image(10))
    assert states(out) == [("live", "websocket")]
    assert isinstance(out[-1], BookSnapshot)
    assert not stream.needs_image


@pytest.mark.parametrize(
    ("bid", "ask", "size", "reason"),
    [
        (101, 100, 1, "crossed"),
        (100, 100, 1, "crossed"),
        (0, 100, 1, "zero"),
        (99, 101, 0, "zero"),
        (-99, 101, 1, "negative"),
        (99, math.nan, 1, "not a number"),
        (99, math.inf, 1, "not a number"),
        (999, 1001, 1, "spike"),
        (9.9, 10.1, 1, "spike"),
    ],
)
def test_an_implausible_quote_is_rejected_and_holds_the_symbol_until_a_good_one(bid, ask, size, reason):
    stream = live_stream()
    out = stream.receive(quote(bid, ask, size=size, id=11))
    assert not any(isinstance(event, QuoteTick) for event in out)
    assert states(out) == [("stale", "websocket")]
    assert reason in stream.reason
    assert stream.counts[f"rejected.{reason}"] == 1
    out = stream.receive(quote(99, 101, id=12))
    assert states(out) == [("live", "websocket")]
    assert any(isinstance(event, QuoteTick) for event in out)


@pytest.mark.parametrize(("price", "size"), [(0, 1), (-1, 1), (math.nan, 1), (100, 0), (100, -1), (1000, 1)])
def test_an_implausible_print_is_rejected(price, size):
    stream = live_stream()
    out = stream.receive(trade(price, at=T0, size=size))
    assert not any(isinstance(event, TradeTick) for event in out)
    assert stream.state == "stale"


def test_a_repeated_print_is_dropped_without_holding_the_symbol():
    stream = live_stream()
    stream.receive(trade(100, at=T0, id=5))
    assert stream.receive(trade(100, at=T0, id=5)) == []
    assert stream.state == "live"
    assert stream.counts["rejected.out of order"] == 1


def test_an_overtaken_quote_is_dropped():
    stream = live_stream()
    assert stream.receive(quote(98, 101, id=9)) == []
    assert stream.quote.bid == 99


def test_a_market_that_really_moved_is_believed_after_a_while():
    reference = PriceReference(QualityLimits())
    for _ in range(40):
        reference.accept(100, 100)
    for number in range(30):
        assert reference.highest < 150, number
        reference.reject(150)
    assert reference.lowest <= 150 <= reference.highest


def test_ten_times_the_price_is_never_believed():
    reference = PriceReference(QualityLimits())
    for _ in range(40):
        reference.accept(100, 100)
    for _ in range(1000):
        reference.reject(1001)
    assert not reference.lowest <= 1001 <= reference.highest


def test_a_gap_stops_the_book_until_a_new_image():
    stream = live_stream()
    assert any(isinstance(event, BookSnapshot) for event in stream.receive(delta(11, 11, bids=[(99.5, 1.0)])))
    out = stream.receive(delta(13, 13))
    assert states(out) == [("resyncing", "websocket")]
    assert (stream.gaps, stream.needs_image) == (1, True)
    for number in range(14, 30):
        assert not any(isinstance(event, BookSnapshot) for event in stream.receive(delta(number, number)))
    assert states(stream.receive(quote(99, 101, id=29))) == []
    out = stream.receive(image(20))
    assert states(out) == [("live", "websocket")]
    assert stream.snapshot.update_id == 29


def test_quotes_get_our_time_corrected_by_the_venues_offset():
    stream = live_stream()
    # The venue's clock is 1.2 s ahead of ours, and the way takes 20 ms or more.
    for number, way_ms in enumerate((60, 20, 90)):
        at = T0 + number * SECOND
        tick = trade(100, at=at + way_ms * 1_000_000 - 1_200_000_000, id=number + 1)
        stream.receive(TradeTick(**{name: getattr(tick, name) for name in tick.__struct_fields__} | {"ts_event": at}))
    (heard,) = stream.receive(quote(99, 101, at=T0 + 3 * SECOND, id=11))
    assert heard.ts_event == T0 + 3 * SECOND + 1_180_000_000


def test_late_data_holds_the_symbol():
    stream = live_stream()
    stream.receive(trade(100, at=T0, id=1))
    late = trade(100, at=T0 + SECOND, id=2)
    late = TradeTick(**{name: getattr(late, name) for name in late.__struct_fields__} | {"ts_init": T0 + 2 * SECOND})
    out = stream.receive(late)
    assert states(out) == [("stale", "websocket")]
    assert any(isinstance(event, TradeTick) for event in out)
    assert states(stream.receive(trade(100, at=T0 + 2 * SECOND, id=3))) == [("live", "websocket")]


def test_under_replay_the_stream_is_the_clock():
    stream = SymbolStream(exchange="binance", symbol="BTC/USDT", clock=NewestEventClock())
    stream.connected(900 * T0)
    stream.receive(image(10))
    stream.receive(delta(11, 11, at=T0 + SECOND))
    (tick, *_rest) = stream.receive(quote(99, 101, at=900 * T0, id=11))
    assert isinstance(tick, QuoteTick)
    assert tick.ts_event == T0 + SECOND
    assert stream.state == "live"


def test_silence_of_all_channels_is_stale_within_three_seconds():
    stream = live_stream()
    for number in range(1, 30):
        stream.receive(quote(99, 101, at=T0 + number * SECOND // 10, id=10 + number))
    last = T0 + 29 * SECOND // 10
    assert stream.advance(last + 2 * SECOND) == []
    assert states(stream.advance(last + 2 * SECOND + SECOND // 5)) == [("stale", "websocket")]
    assert stream.is_silent
    assert stream.advance(last + 9 * SECOND) == []
    assert states(stream.receive(quote(99, 101, at=last + 10 * SECOND, id=99))) == [("live", "websocket")]


def test_a_thin_market_may_be_silent_for_five_times_its_median_gap():
    stream = live_stream()
    for number in range(1, 10):
        stream.receive(quote(99, 101, at=T0 + number * 3 * SECOND, id=10 + number))
    last = T0 + 27 * SECOND
    assert stream.advance(last + 14 * SECOND) == []
    assert states(stream.advance(last + 16 * SECOND)) == [("stale", "websocket")]


def test_one_channel_that_stops_while_the_other_moves_is_stale():
    stream = live_stream()
    for number in range(1, 60):
        at = T0 + number * SECOND // 10
        stream.receive(delta(10 + number, 10 + number, bids=[(99 + number / 100, 1.0)], at=at))
        out = stream.advance(at)
        if out:
            break
    assert stream.state == "stale"
    assert "quotes stopped" in stream.reason


def test_rest_takes_over_and_hands_back():
    stream = live_stream()
    stream.disconnected(T0 + SECOND, reason="connection lost")
    out = stream.receive_polled(image(12, bids=[(99.2, 1.0)], at=T0 + 2 * SECOND))
    assert states(out) == [("fallback", "rest")]
    assert [type(event) for event in out] == [FeedState, QuoteTick, BookSnapshot]
    assert stream.quote.bid == 99.2
    assert states(stream.polling_failed(T0 + 3 * SECOND)) == [("disconnected", "websocket")]
    stream.connected(T0 + 4 * SECOND)
    stream.receive(image(13, at=T0 + 4 * SECOND))
    stream.receive(quote(99.3, 101, at=T0 + 4 * SECOND, id=13))
    assert (stream.state, stream.source) == ("live", "websocket")


def test_rest_never_takes_the_price_back_in_time():
    stream = live_stream()
    stream.receive(quote(99.5, 101, id=50))
    stream.disconnected(T0 + SECOND, reason="connection lost")
    assert stream.receive_polled(image(40, bids=[(90.0, 1.0)], at=T0 + 2 * SECOND)) == []
    assert stream.quote.bid == 99.5


def test_rest_is_ignored_while_the_socket_lives():
    stream = live_stream()
    assert stream.receive_polled(image(40, bids=[(98.0, 1.0)])) == []


def test_closed_bars_come_before_the_print_that_closed_them():
    stream = live_stream()
    stream.fill_history([minute(-1)], [], assume_complete=True)
    stream.receive(trade(100, at=T0, id=1))
    out = stream.receive(trade(101, at=T0 + MINUTE, id=2))
    assert [type(event) for event in out] == [Bar, TradeTick]


def test_everything_is_accounted_for():
    stream = live_stream()
    stream.receive(trade(100, at=T0, id=1))
    stream.receive(trade(100, at=T0, id=1))
    stream.receive(quote(101, 99, id=11))
    stream.receive(delta(11, 11))
    counts = stream.counts
    assert counts["in.trade"] == counts["out.trade"] + counts["rejected.out of order"] == 2
    assert counts["in.quote"] == counts["out.quote"] + counts["rejected.crossed"] == 2
    assert counts["in.delta"] + counts["in.image"] == counts["book.applied"] == counts["out.book"] == 2


def test_what_is_live_falls_silent_though_a_channel_was_not_asked_for_yet():
    """A venue that says no more answers no request either, so the rest waits for its turn."""
    stream = live_stream()
    told = []
    for tenth in range(40):
        at = T0 + tenth * SECOND // 10
        stream.unasked(at)
        told += states(stream.advance(at))
    assert told == [("stale", "websocket")]
