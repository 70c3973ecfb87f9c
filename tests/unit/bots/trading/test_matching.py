"""Paper fills: against what was on offer, after the latency, never more than there was."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.trading.matching import PaperFees, PaperMatcher
from bots.trading.records import VenueReport
from bots.trading.vocabulary import OrderState, OrderType, Side
from tests.unit.bots.trading.cast import MS, book, order, quote, sold

D = Decimal
FEES = PaperFees(maker_bps=D(2), taker_bps=D(10))


def matcher_with_book() -> PaperMatcher:
    matcher = PaperMatcher()
    matcher.on_event(book(), 0)
    return matcher


def only(reports: list[VenueReport]) -> VenueReport:
    assert len(reports) == 1
    return reports[0]


def test_a_market_order_walks_the_levels_and_pays_in_what_it_receives() -> None:
    report = only(matcher_with_book().submit(order(quantity=D(2)), 0, fees=FEES))
    assert report.state is OrderState.FILLED
    assert [(fill.price, fill.quantity) for fill in report.fills] == [(D("100.1"), D(1)), (D("100.2"), D(1))]
    assert [(fill.fee, fill.fee_asset) for fill in report.fills] == [(D("0.001"), "BTC")] * 2
    assert [fill.trade_id[-2:] for fill in report.fills] == ["-1", "-2"]


def test_a_sell_pays_in_quote() -> None:
    report = only(matcher_with_book().submit(order(side=Side.SELL, limit_price=D(97)), 0, fees=FEES))
    assert [(fill.fee, fill.fee_asset) for fill in report.fills] == [(D("0.0999"), "USDT")]


def test_the_collar_stops_it_and_the_rest_expires() -> None:
    report = only(matcher_with_book().submit(order(quantity=D(2), limit_price=D("100.15")), 0, fees=FEES))
    assert report.state is OrderState.EXPIRED
    assert sum(fill.quantity for fill in report.fills) == 1


def test_nothing_within_the_collar_expires_unfilled() -> None:
    report = only(matcher_with_book().submit(order(limit_price=D(100)), 0, fees=FEES))
    assert (report.state, report.fills) == (OrderState.EXPIRED, ())


def test_an_order_meets_the_first_book_after_its_latency() -> None:
    matcher = matcher_with_book()
    assert matcher.submit(order(), 0, fees=FEES, latency_ns=50 * MS) == []
    assert matcher.on_event(book(asks=((100.3, 5.0),), at_ns=49 * MS), 49 * MS) == []
    report = only(matcher.on_event(book(asks=((100.5, 5.0),), at_ns=50 * MS), 50 * MS))
    assert report.fills[0].price == D("100.5")


def test_no_market_within_two_seconds_of_arrival_expires() -> None:
    matcher = matcher_with_book()
    matcher.submit(order(1), 0, fees=FEES, latency_ns=50 * MS)
    assert matcher.on_time(2000 * MS) == []
    assert only(matcher.on_time(2051 * MS)).state is OrderState.EXPIRED
    matcher.submit(order(2), 0, fees=FEES, latency_ns=50 * MS)
    assert only(matcher.on_event(book(at_ns=3000 * MS), 3000 * MS)).state is OrderState.EXPIRED


def test_an_order_without_a_book_waits_for_one() -> None:
    matcher = PaperMatcher()
    assert matcher.submit(order(), 0, fees=FEES) == []
    assert only(matcher.on_event(quote(99.9, 100.1, at_ns=MS), MS)).state is OrderState.FILLED


def test_what_one_takes_the_next_does_not_get_until_a_new_book() -> None:
    matcher = matcher_with_book()
    matcher.submit(order(1, quantity=D(1)), 0, fees=FEES)
    second = only(matcher.submit(order(2, quantity=D(1)), 0, fees=FEES))
    assert [fill.price for fill in second.fills] == [D("100.2")]
    matcher.on_event(book(at_ns=1), 1)
    third = only(matcher.submit(order(3, quantity=D(1)), 1, fees=FEES))
    assert [fill.price for fill in third.fills] == [D("100.1")]


def test_a_newer_quote_moves_the_best_and_keeps_the_depth() -> None:
    matcher = matcher_with_book()
    matcher.on_event(quote(100.15, 100.18, size=0.5, at_ns=1), 1)
    report = only(matcher.submit(order(quantity=D(1)), 1, fees=FEES))
    assert [(fill.price, fill.quantity) for fill in report.fills] == [(D("100.18"), D("0.5")), (D("100.2"), D("0.5"))]


def test_an_older_book_never_replaces_a_newer_quote() -> None:
    matcher = PaperMatcher()
    matcher.on_event(quote(101, 102, at_ns=10), 10)
    matcher.on_event(book(at_ns=5), 11)
    report = only(matcher.submit(order(), 11, fees=FEES))
    assert report.fills[0].price == 102


def resting() -> PaperMatcher:
    matcher = matcher_with_book()
    report = only(matcher.submit(order(order_type=OrderType.LIMIT, limit_price=D("99.9")), 0, fees=FEES))
    assert report.state is OrderState.OPEN
    return matcher


def test_a_resting_order_waits_for_the_queue_before_it() -> None:
    matcher = resting()
    assert matcher.on_event(sold(99.9, 0.4), 1) == []
    partial = only(matcher.on_event(sold(99.9, 1.0), 2))
    assert (partial.state, partial.fills[0].quantity) == (OrderState.PARTIAL, D("0.4"))
    full = only(matcher.on_event(sold(99.9, 5.0), 3))
    assert (full.state, full.fills[0].quantity) == (OrderState.FILLED, D("0.6"))
    assert full.fills[0].is_maker
    assert full.fills[0].fee == D("0.00012")
    assert matcher.live_orders == ()


def test_a_print_through_its_price_fills_it_without_a_queue() -> None:
    report = only(resting().on_event(sold(99.8, 0.7), 1))
    assert (report.fills[0].price, report.fills[0].quantity) == (D("99.9"), D("0.7"))


def test_a_market_that_comes_to_it_fills_it_at_its_own_price() -> None:
    report = only(resting().on_event(book(bids=((99.0, 1.0),), asks=((99.5, 3.0),), at_ns=1), 1))
    assert (report.state, report.fills[0].price) == (OrderState.FILLED, D("99.9"))


def test_prints_of_the_other_side_do_nothing() -> None:
    matcher = resting()
    bought = sold(99.9, 9.0).__class__(
        exchange="simulated", symbol="BTC/USDT", price=99.9, size=9.0, buyer_is_maker=False, trade_id=2, ts_event=1,
        ts_init=1,
    )  # fmt: skip
    assert matcher.on_event(bought, 1) == []


def test_a_cancel_ends_it_once() -> None:
    matcher = resting()
    order_id = matcher.live_orders[0]
    assert only(matcher.cancel(order_id, 1)).state is OrderState.CANCELED
    assert matcher.cancel(order_id, 2) == []


def test_the_same_order_is_not_taken_twice() -> None:
    matcher = resting()
    with pytest.raises(ValueError, match="before"):
        matcher.submit(order(order_type=OrderType.LIMIT), 1, fees=FEES)


def test_a_restart_puts_it_behind_the_whole_queue() -> None:
    matcher = matcher_with_book()
    matcher.rest(order(order_type=OrderType.LIMIT, limit_price=D("99.9")), fees=FEES, filled=D("0.4"), fills=1)
    report = only(matcher.on_event(sold(99.9, 1.5), 1))
    assert (report.fills[0].quantity, report.fills[0].trade_id[-2:]) == (D("0.5"), "-2")


def test_a_bot_that_moved_to_another_engine_is_forgotten() -> None:
    matcher = resting()
    matcher.forget(1)
    assert matcher.live_orders == ()


@given(
    quantities=st.lists(st.integers(1, 4000), min_size=1, max_size=8),
    asks=st.lists(st.integers(1, 3000), min_size=1, max_size=5),
)
def test_orders_together_never_take_more_than_was_on_offer(quantities: list[int], asks: list[int]) -> None:
    levels = tuple((100.1 + number / 10, size / 1000) for number, size in enumerate(asks))
    matcher = PaperMatcher()
    matcher.on_event(book(asks=levels), 0)
    taken, fees = D(0), D(0)
    for number, quantity in enumerate(quantities, 1):
        wanted = D(quantity) / 1000
        report = only(matcher.submit(order(number, quantity=wanted), 0, fees=FEES))
        got = sum((fill.quantity for fill in report.fills), D(0))
        assert (got == wanted) == (report.state is OrderState.FILLED)
        assert all(fill.quantity % D("0.001") == 0 for fill in report.fills)
        taken += got
        fees += sum((fill.fee for fill in report.fills), D(0))
    assert taken == min(sum((D(q) for q in quantities), D(0)), sum((D(a) for a in asks), D(0))) / 1000
    assert fees == taken / 1000


@given(st.lists(st.tuples(st.sampled_from(["book", "quote", "sold", "order"]), st.integers(1, 60)), max_size=60))
def test_the_same_events_give_the_same_fills(script: list[tuple[str, int]]) -> None:
    def run() -> list[VenueReport]:
        matcher, reports = PaperMatcher(), []
        for at, (kind, number) in enumerate(script):
            now = at * 10 * MS
            price = 99 + number / 30
            if kind == "order":
                kind_of = OrderType.LIMIT if number % 2 else OrderType.MARKET
                limit = D(number) / 30 + 99
                sent = order(at + 1, order_type=kind_of, limit_price=limit.quantize(D("0.01")), decided_at_ns=now)
                reports += matcher.submit(sent, now, fees=FEES, latency_ns=number % 3 * 5 * MS)
            elif kind == "book":
                reports += matcher.on_event(book(((price, 1.0),), ((price + 0.1, 1.0),), now), now)
            elif kind == "quote":
                reports += matcher.on_event(quote(price, price + 0.05, at_ns=now), now)
            else:
                reports += matcher.on_event(sold(price, number / 10, now), now)
        return reports

    assert run() == run()
