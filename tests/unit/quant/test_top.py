import math

import pytest
from msgspec.structs import replace

from quant.reading import Component
from quant.top import TopOfBook, existing_components
from tests.unit.quant.market import SECOND, START, book, quote


def test_best_quotes_and_what_follows_from_them():
    top = TopOfBook()
    assert top.mid is None
    assert top.spread_bps is None
    assert top.on_quote(quote(START, 99.0, 101.0))
    assert top.mid == 100.0
    assert top.spread_bps == 200.0


@pytest.mark.parametrize(
    ("bid", "ask"), [(101.0, 100.0), (100.0, 100.0), (0.0, 1.0), (-1.0, 1.0), (math.nan, 1.0), (1.0, math.inf)]
)
def test_a_crossed_or_senseless_quote_is_refused(bid, ask):
    top = TopOfBook()
    top.on_quote(quote(START, 99.0, 101.0))
    assert not top.on_quote(quote(START + SECOND, bid, ask))
    assert (top.mid, top.ts) == (100.0, START)


def test_a_size_that_is_no_number_is_refused():
    top = TopOfBook()
    assert not top.on_quote(quote(START, bid_size=math.nan))
    assert not top.on_quote(quote(START, ask_size=-1.0))


def test_repeated_and_older_quotes_are_refused():
    top = TopOfBook()
    assert top.on_quote(quote(START + SECOND, update_id=7))
    assert not top.on_quote(quote(START + SECOND, update_id=7))
    assert not top.on_quote(quote(START, update_id=8))
    assert top.on_quote(quote(START + SECOND, update_id=8))


def test_a_timestamp_from_the_future_does_not_silence_what_follows():
    top = TopOfBook()
    future = quote(START + 3600 * SECOND)
    late = type(future)(**{name: getattr(future, name) for name in future.__struct_fields__} | {"ts_init": START})
    assert not top.on_quote(late)
    assert top.on_quote(quote(START))


def test_one_quote_stamped_ahead_is_left_out_and_mutes_nothing():
    top = TopOfBook()
    assert top.on_quote(quote(START))
    for ahead in (59 * SECOND, 6 * SECOND // 10):
        assert not top.on_quote(replace(quote(START), ts_event=START + ahead))
        assert not top.on_book(replace(book(START, [(99.0, 1.0)], [(101.0, 1.0)]), ts_event=START + ahead)).sound
        assert top.left_out == f"left out: a book stamped {ahead / 1e9:.1f} s ahead of the clock"
        assert top.on_quote(quote(START))
        assert top.left_out == ""
    assert top.on_quote(replace(quote(START), ts_event=START + SECOND // 2))


def test_a_clock_that_is_ahead_for_long_is_followed_and_so_is_its_return():
    top = TopOfBook()

    def taken(ahead):
        moments = [START + i * SECOND for i in range(next(turn), next(turn))]
        return [top.on_quote(replace(quote(ts), ts_event=ts + ahead)) for ts in moments]

    turn = iter((0, 20, 20, 40, 40, 60, 60, 62))
    assert taken(3 * SECOND) == [False] * 9 + [True] * 11
    # Set right, its stamps are older than the last one for three seconds.
    assert taken(0) == [False] * 2 + [True] * 18
    assert taken(3 * SECOND) == [False] * 9 + [True] * 11


def test_a_book_older_than_the_quote_gives_levels_but_no_top():
    top = TopOfBook()
    top.on_quote(quote(START + SECOND, 99.0, 101.0))
    verdict = top.on_book(book(START, [(50.0, 1.0)], [(60.0, 1.0)]))
    assert (verdict.sound, verdict.newer) == (True, False)
    assert top.mid == 100.0


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([], [(101.0, 1.0)]),
        ([(99.0, 1.0)], []),
        ([(102.0, 1.0)], [(101.0, 1.0)]),
        ([(99.0, 1.0), (98.0, math.nan)], [(101.0, 1.0)]),
    ],
)
def test_an_unsound_book_is_refused(bids, asks):
    assert TopOfBook().on_book(book(START, bids, asks)) == (False, False)


def test_what_can_exist_for_an_instrument():
    assert Component.OPEN_INTEREST not in existing_components("binance", "BTC/USDT")
    assert Component.OPEN_INTEREST in existing_components("binance", "BTC/USDT:USDT")
    assert Component.OPTIONS_FLOW in existing_components("binance", "ETH/USDT")
    assert Component.OPTIONS_FLOW not in existing_components("binance", "DOGE/USDT")
    assert Component.OPTIONS_FLOW in existing_components("upstox", "NIFTY/INR")
