"""What a symbol makes of images on the stream, gaps told by the parser, handovers, and other sources."""

import msgspec
import pytest

from marketdata.clock import OffsetClock
from marketdata.events import Bar, BookSnapshot, FeedState, Funding, Liquidation, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import Gap
from marketdata.stream import SymbolStream
from tests.unit.marketdata.cast import SECOND, T0, delta, image, live_stream, minute, quote, trade


def states(events) -> list[tuple[str, str]]:
    return [(event.state, event.source) for event in events if isinstance(event, FeedState)]


def streamed(update_id: int, **changes):
    return msgspec.structs.replace(image(update_id), from_stream=True, ts_event=T0, **changes)


def book_only_stream() -> SymbolStream:
    stream = SymbolStream(exchange="kraken", symbol="BTC/USDT", clock=OffsetClock(), quotes_from_book=True)
    stream.connected(T0)
    return stream


def test_an_image_on_the_stream_replaces_the_book_and_gives_the_quote():
    stream = book_only_stream()
    out = stream.receive(streamed(1))
    assert states(out) == [("connecting", "websocket"), ("live", "websocket")]
    (given,) = [event for event in out if isinstance(event, QuoteTick)]
    assert (given.bid, given.ask) == (stream.book.best_bid, stream.book.best_ask)
    again = stream.receive(streamed(2))
    assert not any(isinstance(event, QuoteTick) for event in again), "the best prices have not changed"
    assert any(isinstance(event, BookSnapshot) for event in again)


def test_a_gap_found_by_the_parser_silences_the_book_until_the_next_image():
    stream = book_only_stream()
    stream.receive(streamed(1))
    out = stream.receive(Gap(symbol="BTC/USDT", reason="checksum does not match", ts_init=T0))
    assert states(out) == [("resyncing", "websocket")]
    assert "checksum" in stream.reason
    assert stream.has_gap
    assert not any(isinstance(event, BookSnapshot) for event in stream.receive(delta(2, 2)))
    assert states(stream.receive(streamed(7))) == [("live", "websocket")]
    assert not stream.has_gap
    assert stream.gaps == 1


def test_a_crossed_image_is_not_believed():
    stream = book_only_stream()
    out = stream.receive(streamed(1, bids=((101.0, 1.0),), asks=((100.0, 1.0),)))
    assert not any(isinstance(event, BookSnapshot | QuoteTick) for event in out)
    assert stream.state == "resyncing"


def test_an_old_quote_and_a_new_book_are_no_picture_of_one_moment():
    stream = live_stream()
    stream.disconnected(T0, reason="lost")
    stream.connected(T0 + SECOND)
    stream.receive(image(50))
    assert stream.state == "connecting"
    assert states(stream.receive(quote(99, 101, id=51, at=T0 + SECOND))) == [("live", "websocket")]


def test_a_handover_repeats_what_is_known_without_a_gap_or_a_rejection():
    stream = live_stream()
    stream.receive(trade(100, at=T0, id=5))
    stream.receive(delta(11, 12))
    stream.receive(delta(13, 14))
    stream.handed_over(T0)
    out = [event for item in (delta(11, 12), delta(13, 14), trade(100, at=T0, id=5)) for event in stream.receive(item)]
    assert out == []
    assert stream.counts["repeated.trade"] == 1
    assert not any(name.startswith("rejected") for name in stream.counts)
    assert any(isinstance(event, TradeTick) for event in stream.receive(trade(100, at=T0, id=6)))
    assert any(isinstance(event, BookSnapshot) for event in stream.receive(delta(15, 15)))
    assert stream.gaps == 0


def test_a_handover_that_left_something_out_is_a_gap():
    stream = live_stream()
    stream.receive(delta(11, 12))
    stream.handed_over(T0)
    assert states(stream.receive(delta(14, 15))) == [("resyncing", "websocket")]


def test_slow_observations_pass():
    funding = Funding(exchange="binance", symbol="BTC/USDT", rate=1e-4, interval_h=8, ts_event=T0, ts_init=T0)
    stream = live_stream()
    assert stream.receive(funding) == [funding]
    assert stream.counts["in.slow"] == stream.counts["out.slow"] == 1


def test_a_closed_market_is_not_stale():
    stream = live_stream()
    assert states(stream.closed(T0, reason="market closed until Mon 09:15")) == [("closed", "websocket")]
    assert stream.advance(T0 + 3600 * SECOND) == []
    assert not stream.needs_stand_in
    assert stream.closed(T0, reason="market closed until Mon 09:15") == []
    assert states(stream.closed(T0 + 3601 * SECOND, reason="")) == [("live", "websocket")]
    assert stream.advance(T0 + 3602 * SECOND) == []


def test_a_refused_symbol_says_so_until_the_next_connection():
    stream = live_stream()
    assert states(stream.refused(T0, reason="the venue refuses it: no such pair")) == [("refused", "websocket")]
    assert stream.needs_stand_in
    assert "no such pair" in stream.reason
    assert states(stream.connected(T0)) == [("resyncing", "websocket")]


def test_another_venue_stands_in_only_while_the_socket_and_rest_give_nothing():
    stream = live_stream()
    other = quote(99.5, 100.5, at=T0 + SECOND)
    assert stream.receive_second("kraken", other) == []
    stream.disconnected(T0, reason="lost")
    out = stream.receive_second("kraken", other)
    assert states(out) == [("fallback", "kraken")]
    assert "prices of kraken: lost" in stream.reason
    (given,) = [event for event in out if isinstance(event, QuoteTick)]
    assert (given.exchange, given.bid) == ("binance", 99.5)
    polled = msgspec.structs.replace(image(90), ts_init=T0 + 2 * SECOND)
    assert states(stream.receive_polled(polled)) == [("fallback", "rest")]
    assert stream.receive_second("kraken", quote(99.5, 100.5, at=T0 + 3 * SECOND)) == []
    assert states(stream.connected(T0 + 4 * SECOND)) == [("resyncing", "websocket")]


def test_rest_never_goes_back_behind_what_a_socket_has_said():
    stream = live_stream()
    stream.receive(quote(99, 101, id=500))
    stream.disconnected(T0, reason="lost")
    stream.connected(T0)
    stream.disconnected(T0, reason="lost again")
    assert stream.receive_polled(image(499)) == []
    assert stream.counts["polled.older"] == 1
    assert states(stream.receive_polled(image(500))) == [("fallback", "rest")]


def test_a_contradicted_price_is_held_and_told_again_only_when_it_agrees():
    stream = live_stream()
    assert states(stream.diverged(T0, reason="the price differs from kraken, by 300 bps")) == [("stale", "websocket")]
    out = stream.receive(quote(99, 101, id=11))
    assert out == []
    assert stream.socket_quote is not None
    assert stream.socket_quote.update_id == 11
    assert not any(isinstance(event, BookSnapshot) for event in stream.receive(delta(11, 12)))
    assert states(stream.receive_second("kraken", quote(96, 98, at=T0 + 9 * SECOND))) == [("fallback", "kraken")]
    assert stream.receive(quote(99, 101, id=12)) == []
    assert states(stream.diverged(T0 + 10 * SECOND, reason="")) == [("live", "websocket")]


@pytest.mark.parametrize("reason", ["dropped", "repeated", "reordered"])
def test_one_delta_dropped_or_reordered_is_noticed_at_the_next_and_a_repeated_one_changes_nothing(reason):
    stream = live_stream()
    one, two, three = delta(11, 12), delta(13, 14), delta(15, 16)
    order = {"dropped": [one, three], "repeated": [one, one, two], "reordered": [one, three, two]}[reason]
    seen = [stream.receive(item) for item in order]
    if reason == "repeated":
        assert seen[1] == []
        assert stream.gaps == 0
        assert stream.state == "live"
    else:
        assert states(seen[1]) == [("resyncing", "websocket")]
        assert not any(isinstance(event, BookSnapshot) for out in seen[1:] for event in out)


def test_an_index_is_live_by_its_prints_alone():
    stream = SymbolStream(exchange="upstox", symbol="NIFTY/INR", clock=OffsetClock(), is_index=True)
    assert states(stream.connected(T0)) == [("connecting", "websocket")]
    assert not stream.needs_image
    out = stream.receive(trade(24_000, at=T0, id=1, size=0.0))
    assert states(out) == [("live", "websocket")]
    assert any(isinstance(event, TradeTick) for event in out)


def test_no_minute_passes_while_the_market_is_closed():
    stream = live_stream()
    stream.bars.seed([minute(-1)], [], assume_complete=True)
    stream.receive(trade(100, at=T0 + SECOND))
    stream.closed(T0 + 2 * SECOND, reason="market closed")
    assert stream.advance(T0 + 600 * SECOND) == []
    stream.closed(T0 + 601 * SECOND, reason="")
    assert not [event for event in stream.advance(T0 + 602 * SECOND) if isinstance(event, Bar)]
    assert stream.bars.needs_history


def test_prints_that_go_on_after_a_damaged_number_are_believed_again():
    stream = live_stream()
    stream.receive(trade(100, at=T0, id=10))
    stream.receive(trade(100, at=T0, id=9_000_000))
    taken = [
        event.trade_id
        for number in range(11, 20)
        for event in stream.receive(trade(100, at=T0, id=number))
        if isinstance(event, TradeTick)
    ]
    assert taken == [15, 16, 17, 18, 19]
    assert stream.bars.needs_history


def test_one_print_sent_again_and_again_is_never_believed():
    stream = live_stream()
    stream.receive(trade(100, at=T0, id=10))
    assert not any(isinstance(event, TradeTick) for _ in range(20) for event in stream.receive(trade(100, at=T0, id=9)))


def test_another_venues_state_is_told_again_for_who_joins_meanwhile():
    stream = live_stream()
    stream.disconnected(T0, reason="lost")
    stream.receive_second("kraken", quote(99.5, 100.5, at=T0 + SECOND))
    told = [states(stream.receive_second("kraken", quote(99.5, 100.5, at=T0 + i * SECOND))) for i in range(2, 8)]
    assert [("fallback", "kraken")] in told
    assert [] in told, "not with every quote"
    assert not any(isinstance(event, BookSnapshot) for event in stream.present()), "its own book is an old one"


def test_what_a_socket_that_took_over_repeats_of_tickers_and_liquidations_is_not_told_again():
    ticker = Ticker(
        exchange="binance", symbol="BTC/USDT", last=100, change=0, high=101, low=99, volume=5, quote_volume=500,
        ts_event=T0, ts_init=T0,
    )  # fmt: skip
    forced = Liquidation(exchange="binance", symbol="BTC/USDT", side="sell", price=99, size=1, ts_event=T0, ts_init=T0)
    stream = live_stream()
    newer = msgspec.structs.replace(ticker, ts_event=T0 + SECOND, ts_init=T0 + SECOND)
    for event in (ticker, forced, newer):
        assert stream.receive(event) == [event]
    stream.handed_over(T0 + 2 * SECOND)
    repeated = [msgspec.structs.replace(event, ts_init=T0 + 2) for event in (ticker, forced, newer)]
    assert [event for one in repeated for event in stream.receive(one)] == []
    assert stream.ticker == newer
    another = msgspec.structs.replace(forced, size=2, ts_init=T0 + 2)
    assert stream.receive(another) == [another]
    assert (stream.counts["repeated.ticker"], stream.counts["repeated.slow"]) == (2, 1)


def test_a_socket_that_cannot_be_opened_changes_nothing_for_who_stands_in():
    stream = live_stream()
    stream.disconnected(T0, reason="lost")
    assert states(stream.receive_polled(msgspec.structs.replace(image(90), ts_init=T0 + SECOND))) == [
        ("fallback", "rest")
    ]
    assert stream.disconnected(T0 + 2 * SECOND, reason="HTTP 503") == []
    assert stream.state == "fallback"
    assert states(stream.polling_failed(T0 + 3 * SECOND)) == [("disconnected", "websocket")]
    assert stream.reason == "HTTP 503"


def test_rest_that_fails_does_not_end_another_venues_prices_but_their_silence_does():
    stream = live_stream()
    stream.disconnected(T0, reason="lost")
    stream.receive_second("kraken", quote(99.5, 100.5, at=T0 + SECOND))
    assert stream.polling_failed(T0 + 2 * SECOND) == []
    assert stream.advance(T0 + 10 * SECOND) == []
    assert states(stream.advance(T0 + 12 * SECOND)) == [("disconnected", "websocket")]


def test_a_feed_that_stops_says_so_even_while_rest_stands_in():
    stream = live_stream()
    stream.disconnected(T0, reason="lost")
    stream.receive_polled(msgspec.structs.replace(image(90), ts_init=T0 + SECOND))
    assert states(stream.stopped(T0 + 2 * SECOND, reason="the feed was stopped")) == [("disconnected", "websocket")]
