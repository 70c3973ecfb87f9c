"""Whose trades those are, what a difference of balances is, and what a venue holds back for an order it hides."""

from bots.brokers.venue import VenueBalance
from bots.orders.venue.accounting import (
    KnownOrder,
    attribute,
    client_uuid,
    differences,
    external_legs,
    follow_differences,
    locked_beyond,
    settled,
    totals_of,
    transfer_kind,
    transfer_legs,
)
from bots.trading.vocabulary import OrderState, Side
from tests.unit.bots.orders.cast import BTC, SIGNED_MS, D, an_order, seen, traded

S = OrderState
OURS = an_order()


def known(state: OrderState, venue_order_id: str = "") -> KnownOrder:
    return KnownOrder(
        order_id=OURS.order_id, bot_id=1, symbol="BTC/USDT", side=Side.BUY, state=state,
        venue_order_id=venue_order_id, sign_ts_ms=SIGNED_MS,
    )  # fmt: skip


def test_a_trade_is_ours_by_its_client_id_its_order_id_or_the_venues_history():
    nameless = traded(OURS, "a", D(1), client_order_id="")
    for trade, order, history in (
        (traded(OURS, "a", D(1)), known(S.OPEN), ()),
        (nameless, known(S.OPEN, "77"), ()),
        (nameless, known(S.UNKNOWN), (seen(OURS, S.FILLED),)),
    ):
        found = attribute([trade], [order], history)
        assert found.ours == {OURS.order_id: [trade]}
        assert (found.others, found.unclear) == ([], [])


def test_a_trade_that_an_unknown_order_may_have_made_is_nobodys_yet():
    nameless = traded(OURS, "a", D(1), client_order_id="", venue_order_id="99")
    assert attribute([nameless], [known(S.UNKNOWN)]).unclear == [nameless]
    assert attribute([nameless], [known(S.SENDING)]).unclear == [nameless]
    assert attribute([nameless], [known(S.OPEN, "77")]).others == [nameless]
    sold = traded(OURS, "a", D(1), client_order_id="", venue_order_id="99", side=Side.SELL)
    assert attribute([sold], [known(S.UNKNOWN)]).others == [sold]
    human = seen(OURS, S.FILLED, venue_order_id="99", client_order_id="web_1")
    assert attribute([nameless], [known(S.UNKNOWN)], [human]).others == [nameless]


def test_only_ids_of_our_making_name_orders():
    assert client_uuid(OURS.order_id.hex) == OURS.order_id
    assert client_uuid("web_1") is None
    assert client_uuid("z" * 32) is None
    assert client_uuid("") is None


def test_a_balance_that_the_venue_does_not_list_is_zero_and_more_decimals_than_ours_are_none():
    theirs = totals_of([VenueBalance(asset="USDT", total=D("1.0000000000004"), free=D(1)),
                        VenueBalance(asset="DUST", total=D("1e-15"), free=D(0))])  # fmt: skip
    assert differences({"USDT": D(1), "BTC": D(2)}, theirs) == {"BTC": D(-2)}


def test_a_difference_is_booked_once_it_has_stood_unchanged_and_no_order_disputes_it():
    first = follow_differences({}, {"USDT": D(5)}, 0)
    assert settled(first, 89_999, after_ms=90_000, disputed=()) == {}
    assert settled(first, 90_000, after_ms=90_000, disputed=()) == {"USDT": D(5)}
    assert settled(first, 90_000, after_ms=90_000, disputed=("USDT",)) == {}
    same = follow_differences(first, {"USDT": D(5)}, 50_000)
    assert same["USDT"].since_ms == 0
    other = follow_differences(same, {"USDT": D(6)}, 60_000)
    assert settled(other, 90_000, after_ms=90_000, disputed=()) == {}
    assert follow_differences(other, {}, 70_000) == {}


def test_transfers_and_trades_of_others_sum_to_zero_for_each_asset():
    assert [transfer_kind(D(text)) for text in ("5", "-5", "0.00000001", "-0.000000001")] == [
        "deposit", "withdrawal", "rounding", "rounding",
    ]  # fmt: skip
    assert transfer_legs(asset="USDT", amount=D(0), kind="deposit") == ()
    legs = external_legs(BTC, traded(OURS, "a", D("0.5")))
    assert {leg.kind for leg in legs} == {"external"}
    assert {leg.asset: sum(other.amount for other in legs if other.asset == leg.asset) for leg in legs} == {
        "BTC": 0, "USDT": 0,
    }  # fmt: skip
    assert {leg.asset: leg.amount for leg in legs if leg.book == "wallet"} == {"BTC": D("0.5"), "USDT": D(-50)}


def test_funds_held_back_beyond_the_open_orders_betray_a_hidden_one():
    shown = seen(an_order(), S.OPEN)
    assert not locked_beyond(D(50), [shown], asset="USDT", need=D(50))
    assert locked_beyond(D(100), [shown], asset="USDT", need=D(50))
    assert not locked_beyond(D(60), [shown], asset="USDT", need=D(50))
    selling = seen(an_order(side=Side.SELL), S.PARTIAL, D("0.2"))
    assert not locked_beyond(D("0.3"), [selling], asset="BTC", need=D("0.5"))
    assert locked_beyond(D("0.8"), [selling], asset="BTC", need=D("0.5"))
