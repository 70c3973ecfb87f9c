"""An order book by the venue's procedure: snapshot, buffer, contiguous deltas, and nothing else."""

import json

from hypothesis import given
from hypothesis import strategies as st

from marketdata.book import Applied, OrderBook
from marketdata.events import BookDelta
from marketdata.exchanges.catalog import get_adapter
from marketdata.replay import read_capture
from tests.unit.marketdata.cast import BTC_CAPTURE, SYMBOLS, delta, image, needs_captures


def test_deltas_wait_for_the_image():
    book = OrderBook()
    assert book.apply_delta(delta(11, 12, bids=[(99.5, 2.0)])) is Applied.BUFFERED
    assert not book.is_valid
    assert book.apply_image(image(10)) is Applied.APPLIED
    assert book.is_valid
    assert book.top(5) == (((99.5, 2.0), (99.0, 1.0)), ((101.0, 1.0),))
    assert book.update_id == 12


def test_buffered_deltas_older_than_the_image_are_dropped():
    book = OrderBook()
    book.apply_delta(delta(5, 9, bids=[(98.0, 7.0)]))
    book.apply_delta(delta(9, 12, bids=[(99.5, 2.0)]))
    assert book.apply_image(image(10)) is Applied.APPLIED
    assert book.top(5)[0] == ((99.5, 2.0), (99.0, 1.0))


def test_an_image_older_than_the_stream_is_refused_and_the_buffer_kept():
    book = OrderBook()
    book.apply_delta(delta(15, 16, bids=[(99.5, 2.0)]))
    assert book.apply_image(image(10)) is Applied.IMAGE_TOO_OLD
    assert not book.is_valid
    assert book.apply_image(image(14)) is Applied.APPLIED
    assert book.update_id == 16


def test_a_missed_delta_makes_the_book_invalid_until_a_new_image():
    book = OrderBook()
    book.apply_image(image(10))
    assert book.apply_delta(delta(11, 12)) is Applied.APPLIED
    assert book.apply_delta(delta(14, 15, bids=[(99.5, 2.0)])) is Applied.GAP
    assert not book.is_valid
    assert book.top(5) == ((), ())
    assert book.apply_image(image(14)) is Applied.APPLIED
    assert book.top(5)[0][0] == (99.5, 2.0)


def test_a_delta_seen_before_changes_nothing():
    book = OrderBook()
    book.apply_image(image(10))
    assert book.apply_delta(delta(8, 10, bids=[(100.5, 9.0)])) is Applied.OLD
    assert book.best_bid == 99.0


def test_zero_removes_a_level_and_removing_twice_is_no_error():
    book = OrderBook()
    book.apply_image(image(10, bids=[(99.0, 1.0), (98.0, 1.0)]))
    book.apply_delta(delta(11, 11, bids=[(99.0, 0.0), (97.0, 0.0)]))
    assert book.top(5)[0] == ((98.0, 1.0),)


def test_a_crossed_book_is_invalid():
    book = OrderBook()
    book.apply_image(image(10))
    assert book.apply_delta(delta(11, 11, bids=[(101.0, 1.0)])) is Applied.CROSSED
    assert not book.is_valid


def test_levels_that_cannot_be_make_it_invalid():
    for level in (
        (-1.0, 1.0),
        (0.0, 1.0),
        (float("nan"), 1.0),
        (99.5, -1.0),
        (99.5, float("nan")),
        (99.5, float("inf")),
    ):
        book = OrderBook()
        book.apply_image(image(10))
        assert book.apply_delta(delta(11, 11, bids=[level])) is Applied.BAD_LEVEL
        assert not book.is_valid


def naive_rebuild(levels: dict[str, dict[float, float]], data: dict, sides=(("b", "bids"), ("a", "asks"))) -> None:
    """The book as plainly as possible: a dictionary, sorted when looked at."""
    for short, side in sides:
        for price, size in data.get(short) or data.get(side) or []:
            if float(size) == 0:
                levels[side].pop(float(price), None)
            else:
                levels[side][float(price)] = float(size)


@needs_captures
def test_equals_an_independent_rebuild_after_each_of_the_recorded_deltas():
    parser = get_adapter("binance").parser(exchange="binance", symbols=SYMBOLS, listings={})
    book = OrderBook()
    naive: dict[str, dict[float, float]] = {"bids": {}, "asks": {}}
    before: list[dict] = []
    seen = applied = 0
    started = False
    for frame in read_capture(BTC_CAPTURE):
        if frame.payload.startswith(b'{"lastUpdateId"'):
            snapshot = json.loads(frame.payload)
            naive_rebuild(naive, snapshot)
            for data in before:
                if data["u"] > snapshot["lastUpdateId"]:
                    naive_rebuild(naive, data)
            assert book.apply_image(parser.parse_image(frame.payload, symbol="BTC/USDT", ts_init=1)) is Applied.APPLIED
            started = True
        elif b"@depth" in frame.payload[:40]:
            seen += 1
            data = json.loads(frame.payload)["data"]
            (event,) = parser.parse(frame.payload, ts_init=1)
            assert isinstance(event, BookDelta)
            outcome = book.apply_delta(event)
            if not started:
                before.append(data)
                continue
            assert outcome is Applied.APPLIED
            naive_rebuild(naive, data)
        else:
            continue
        if started:
            applied += 1
            bids, asks = book.top(20)
            assert bids == tuple(sorted(naive["bids"].items(), reverse=True)[:20])
            assert asks == tuple(sorted(naive["asks"].items())[:20])
    assert (seen, applied) == (3451, 3451 - len(before) + 1)
    everything = book.top(10**9)
    assert everything == (tuple(sorted(naive["bids"].items(), reverse=True)), tuple(sorted(naive["asks"].items())))


price = st.integers(1, 99).map(float)
changes = st.lists(st.tuples(price, st.integers(0, 3).map(float)), max_size=8)


@given(st.lists(changes, max_size=20))
def test_any_bids_agree_with_a_dictionary(rounds):
    book = OrderBook()
    book.apply_image(image(1, bids=[], asks=[(1000.0, 1.0)]))
    expected: dict[float, float] = {}
    for number, bids in enumerate(rounds, start=2):
        book.apply_delta(delta(number, number, bids=bids))
        for level, size in bids:
            expected[level] = size
    left = {level: size for level, size in expected.items() if size > 0}
    assert book.top(100)[0] == tuple(sorted(left.items(), reverse=True))
