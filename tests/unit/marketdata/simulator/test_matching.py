"""Money laws of the matching engine, and the meaning of each order type."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.simulator.booking import Changes
from marketdata.simulator.errors import VenueError
from marketdata.simulator.fees import Fees
from marketdata.simulator.matching import Engine
from marketdata.simulator.numbers import UNIT, times
from marketdata.simulator.orders import (
    Account,
    Balance,
    Fill,
    NewOrder,
    Order,
    OrderType,
    SelfTrade,
    Side,
    Status,
    TimeInForce,
)
from tests.unit.marketdata.simulator.quiet_market import STEP, TICK, QuietMarket

SYMBOL = "BTCUSDT"
FUNDS = 1_000_000 * UNIT


class Exchange:
    """An engine over one quiet market, with Alice and Bob."""

    def __init__(self, market: QuietMarket, *, fees: Fees | None = None) -> None:
        self.market = market
        self.alice, self.bob = (
            Account(id=n, name=name, key=name, secret="", balances={"USDT": Balance(FUNDS), "BTC": Balance(FUNDS)})
            for n, name in ((1, "alice"), (2, "bob"))
        )
        self.commits: list[Changes] = []
        self.engine = Engine(
            markets={SYMBOL: market},
            accounts={1: self.alice, 2: self.bob},
            fees=fees or Fees(),
            next_order_id=1,
            next_fill_id=1,
            commit=self.commits.append,
        )
        self._client_ids = 0

    @property
    def fills(self) -> list[Fill]:
        return [fill for changes in self.commits for fill in changes.fills]

    def place(self, account: Account, side: Side, price: int, quantity: int, **other: object) -> Order:
        self._client_ids += 1
        new = NewOrder(
            symbol=SYMBOL, side=side, type=OrderType.LIMIT, price=price, quantity=quantity,
            client_order_id=f"id-{self._client_ids}",
        )  # fmt: skip
        return self.engine.place(account, replace(new, **other), now_ms=self._client_ids)[0]  # type: ignore[arg-type]

    def sold(self, price: int, quantity: int, *, now_ms: int) -> None:
        """A print on the tape that hits bids."""
        self.engine.public_trade(SYMBOL, price=price, quantity=quantity, buyer_is_maker=True, now_ms=now_ms)


def exchange() -> Exchange:
    return Exchange(
        QuietMarket(
            bids=[(100 * UNIT - k * TICK, UNIT) for k in range(1, 20)],
            asks=[(100 * UNIT + k * TICK, UNIT) for k in range(1, 20)],
        )
    )


def no_public_book() -> Exchange:
    return Exchange(QuietMarket(bids=[], asks=[]))


class TestIcebergs:
    def test_the_next_part_queues_behind_others_at_its_price(self) -> None:
        venue = no_public_book()
        iceberg = venue.place(venue.alice, Side.BUY, 100 * UNIT, 4 * UNIT, iceberg=UNIT)
        plain = venue.place(venue.bob, Side.BUY, 100 * UNIT, UNIT)
        venue.sold(100 * UNIT, 2 * UNIT, now_ms=50)
        assert (iceberg.executed, plain.executed) == (UNIT, UNIT)

    def test_an_order_without_parts_goes_first(self) -> None:
        venue = no_public_book()
        first = venue.place(venue.alice, Side.BUY, 100 * UNIT, 4 * UNIT)
        second = venue.place(venue.bob, Side.BUY, 100 * UNIT, UNIT)
        venue.sold(100 * UNIT, 2 * UNIT, now_ms=50)
        assert (first.executed, second.executed) == (2 * UNIT, 0)


class TestOrderTypes:
    def test_a_limit_order_takes_what_is_better_and_rests_with_the_rest(self) -> None:
        venue = exchange()
        order = venue.place(venue.alice, Side.BUY, 100 * UNIT + 2 * TICK, 3 * UNIT)
        assert (order.status, order.executed) == (Status.PARTIALLY_FILLED, 2 * UNIT)
        assert [fill.price for fill in venue.fills] == [100 * UNIT + TICK, 100 * UNIT + 2 * TICK]
        assert venue.alice.balance("USDT").locked == times(100 * UNIT + 2 * TICK, UNIT)

    def test_the_fee_is_taken_from_what_is_received(self) -> None:
        venue = exchange()
        venue.place(venue.alice, Side.BUY, 101 * UNIT, UNIT)
        assert venue.alice.balance("BTC").free == FUNDS + UNIT - UNIT // 1000
        venue.place(venue.bob, Side.SELL, 99 * UNIT, UNIT)
        received = 100 * UNIT - TICK
        assert venue.bob.balance("USDT").free == FUNDS + received - received // 1000

    def test_market_orders_never_rest(self) -> None:
        venue = exchange()
        venue.market.ask_levels = venue.market.ask_levels[:2]
        order = venue.place(venue.alice, Side.BUY, 0, 5 * UNIT, type=OrderType.MARKET)
        assert (order.status, order.executed) == (Status.EXPIRED, 2 * UNIT)
        assert venue.alice.balance("USDT").locked == 0

    def test_a_market_order_by_quote_spends_at_most_that(self) -> None:
        venue = exchange()
        order = venue.place(venue.alice, Side.BUY, 0, 0, type=OrderType.MARKET, quote_quantity=150 * UNIT)
        assert order.status is Status.FILLED
        assert 149 * UNIT < order.executed_quote <= 150 * UNIT
        assert FUNDS - venue.alice.balance("USDT").free == order.executed_quote

    def test_fill_or_kill_takes_all_or_nothing(self) -> None:
        venue = exchange()
        killed = venue.place(venue.alice, Side.BUY, 100 * UNIT + TICK, 2 * UNIT, time_in_force=TimeInForce.FOK)
        assert (killed.status, killed.executed) == (Status.EXPIRED, 0)
        filled = venue.place(venue.alice, Side.BUY, 100 * UNIT + 2 * TICK, 2 * UNIT, time_in_force=TimeInForce.FOK)
        assert filled.status is Status.FILLED

    def test_post_only_is_refused_when_it_would_take(self) -> None:
        venue = exchange()
        with pytest.raises(VenueError, match="immediately match"):
            venue.place(venue.alice, Side.BUY, 100 * UNIT + TICK, UNIT, type=OrderType.LIMIT_MAKER)
        assert venue.alice.balance("USDT").locked == 0

    def test_a_stop_waits_for_a_trade_at_its_price(self) -> None:
        venue = exchange()
        stop = venue.place(venue.alice, Side.SELL, 0, UNIT, type=OrderType.STOP_LOSS, stop_price=99 * UNIT)
        assert venue.alice.balance("BTC").locked == UNIT
        venue.engine.public_trade(SYMBOL, price=99 * UNIT + TICK, quantity=1, buyer_is_maker=True, now_ms=50)
        assert stop.status is Status.NEW
        venue.engine.public_trade(SYMBOL, price=99 * UNIT, quantity=1, buyer_is_maker=True, now_ms=51)
        assert (stop.status, stop.working_ms) == (Status.FILLED, 51)

    def test_a_take_profit_limit_rests_after_its_trigger(self) -> None:
        venue = exchange()
        order = venue.place(
            venue.alice, Side.SELL, 102 * UNIT, UNIT, type=OrderType.TAKE_PROFIT_LIMIT, stop_price=101 * UNIT
        )
        venue.engine.public_trade(SYMBOL, price=101 * UNIT, quantity=1, buyer_is_maker=False, now_ms=50)
        assert (order.working, order.status) == (True, Status.NEW)

    def test_client_ids_are_unique_among_open_orders_only(self) -> None:
        venue = exchange()
        venue.place(venue.alice, Side.BUY, 90 * UNIT, UNIT, client_order_id="same")
        with pytest.raises(VenueError, match="Duplicate order sent"):
            venue.place(venue.alice, Side.BUY, 90 * UNIT, UNIT, client_order_id="same")
        venue.place(venue.bob, Side.BUY, 101 * UNIT, UNIT, client_order_id="same")
        again = venue.place(venue.bob, Side.BUY, 101 * UNIT, UNIT, client_order_id="same")
        assert again.status is Status.FILLED


class TestRestingOrders:
    def test_the_public_book_moving_through_fills_at_the_orders_price(self) -> None:
        venue = exchange()
        order = venue.place(venue.alice, Side.BUY, 99 * UNIT, UNIT)
        venue.market.bid_levels, venue.market.ask_levels = [(98 * UNIT, UNIT)], [(98 * UNIT + TICK, 5 * UNIT)]
        venue.engine.public_quote(SYMBOL, now_ms=60)
        assert order.status is Status.FILLED
        assert (venue.fills[-1].price, venue.fills[-1].is_maker) == (99 * UNIT, True)

    def test_trades_at_the_price_pass_the_queue_first(self) -> None:
        venue = exchange()
        order = venue.place(venue.alice, Side.BUY, 100 * UNIT - TICK, UNIT)
        venue.engine.public_trade(SYMBOL, price=100 * UNIT - TICK, quantity=UNIT, buyer_is_maker=True, now_ms=60)
        assert order.executed == 0
        venue.engine.public_trade(SYMBOL, price=100 * UNIT - TICK, quantity=UNIT // 4, buyer_is_maker=True, now_ms=61)
        assert order.executed == UNIT // 4
        venue.engine.public_trade(SYMBOL, price=99 * UNIT, quantity=UNIT, buyer_is_maker=True, now_ms=62)
        assert order.status is Status.FILLED

    def test_what_was_taken_from_a_level_is_gone_until_it_changes(self) -> None:
        venue = exchange()
        price = 100 * UNIT + TICK
        venue.place(venue.alice, Side.BUY, price, UNIT)
        second = venue.place(venue.bob, Side.BUY, price, UNIT)
        assert second.executed == 0
        venue.market.ask_levels[0] = (price, 2 * UNIT)
        venue.engine.public_quote(SYMBOL, now_ms=60)
        assert second.status is Status.FILLED

    def test_the_earlier_of_two_orders_at_a_price_fills_first(self) -> None:
        venue = no_public_book()
        first = venue.place(venue.alice, Side.SELL, 100 * UNIT, UNIT)
        second = venue.place(venue.alice, Side.SELL, 100 * UNIT, UNIT)
        better = venue.place(venue.alice, Side.SELL, 99 * UNIT, UNIT)
        venue.place(venue.bob, Side.BUY, 101 * UNIT, 2 * UNIT)
        assert (better.status, first.status, second.status) == (Status.FILLED, Status.FILLED, Status.NEW)

    def test_nobody_trades_with_himself(self) -> None:
        venue = no_public_book()
        maker = venue.place(venue.alice, Side.SELL, 100 * UNIT, UNIT)
        taker = venue.place(venue.alice, Side.BUY, 100 * UNIT, UNIT)
        assert (maker.status, taker.status) == (Status.EXPIRED_IN_MATCH, Status.NEW)
        rest = venue.place(venue.alice, Side.SELL, 100 * UNIT, UNIT, self_trade=SelfTrade.EXPIRE_TAKER)
        assert (rest.status, taker.status) == (Status.EXPIRED_IN_MATCH, Status.NEW)
        assert venue.fills == []

    def test_a_cancelled_order_gives_its_money_back(self) -> None:
        venue = exchange()
        order = venue.place(venue.alice, Side.BUY, 90 * UNIT, UNIT)
        venue.engine.cancel(order, now_ms=70, cancel_id="c")
        assert venue.alice.balance("USDT") == Balance(FUNDS, 0)
        assert order.status is Status.CANCELED


class TestRefusals:
    def test_money_that_is_not_there_cannot_be_spent(self) -> None:
        venue = exchange()
        venue.alice.balances["USDT"] = Balance(50 * UNIT)
        for other in ({}, {"type": OrderType.MARKET}):
            with pytest.raises(VenueError, match="insufficient balance"):
                venue.place(venue.alice, Side.BUY, 0 if other else 101 * UNIT, UNIT, **other)
        assert venue.alice.balance("USDT") == Balance(50 * UNIT)
        assert venue.alice.open_orders == {}
        assert venue.commits == []


placing = st.tuples(
    st.just("place"),
    st.booleans(),
    st.sampled_from(list(Side)),
    st.sampled_from(["GTC", "IOC", "FOK", "MARKET", "MAKER"]),
    st.integers(9_990, 10_010),
    st.integers(1, 400),
)
moving = st.tuples(st.just("move"), st.integers(9_990, 10_010), st.integers(1, 3), st.integers(0, 300))
printing = st.tuples(st.just("print"), st.integers(9_985, 10_015), st.integers(1, 400), st.booleans())
cancelling = st.tuples(st.just("cancel"), st.integers(0, 50))


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(st.one_of(placing, placing, moving, printing, cancelling), max_size=40))
def test_money_is_conserved_whatever_happens(steps: list[tuple[object, ...]]) -> None:
    venue = Exchange(QuietMarket(bids=[(9_999 * 10**6, UNIT)], asks=[(10_001 * 10**6, UNIT)]))
    for now_ms, step in enumerate(steps):
        _take(venue, step, now_ms)
        _check_books(venue)
    _check_ledger(venue)


def _take(venue: Exchange, step: tuple[object, ...], now_ms: int) -> None:
    match step:
        case ("place", bool(is_alice), Side() as side, str(kind), int(price), int(lots)):
            other: dict[str, object] = {}
            limit = price * 10**6
            if kind == "MARKET":
                other["type"], limit = OrderType.MARKET, 0
            elif kind == "MAKER":
                other["type"] = OrderType.LIMIT_MAKER
            else:
                other["time_in_force"] = TimeInForce(kind)
            try:
                venue.place(venue.alice if is_alice else venue.bob, side, limit, lots * 10**6, **other)
            except VenueError:
                return
        case ("move", int(middle), int(half), int(lots)):
            venue.market.bid_levels = [((middle - half - k) * 10**6, lots * 10**6) for k in range(3) if lots]
            venue.market.ask_levels = [((middle + half + k) * 10**6, lots * 10**6) for k in range(3) if lots]
            venue.engine.public_quote(SYMBOL, now_ms=now_ms)
        case ("print", int(price), int(lots), bool(sold)):
            venue.engine.public_trade(
                SYMBOL, price=price * 10**6, quantity=lots * 10**6, buyer_is_maker=sold, now_ms=now_ms
            )
        case ("cancel", int(number)):
            orders = [order for a in (venue.alice, venue.bob) for order in a.open_orders.values()]
            if orders:
                venue.engine.cancel(orders[number % len(orders)], now_ms=now_ms, cancel_id="c")


def _check_books(venue: Exchange) -> None:
    """No crossed customers' book; what is reserved is what open orders need."""
    bids, asks = [], []
    for account in (venue.alice, venue.bob):
        need = {"USDT": 0, "BTC": 0}
        for order in account.open_orders.values():
            assert order.is_open
            if order.side is Side.BUY:
                need["USDT"] += times(order.price, order.remaining)
                bids.append(order.price)
            else:
                need["BTC"] += order.remaining
                asks.append(order.price)
        for asset, amount in need.items():
            assert account.balance(asset).locked == amount
            assert account.balance(asset).free >= 0
    assert not bids or not asks or max(bids) < min(asks)


def _check_ledger(venue: Exchange) -> None:
    """Every balance is what the account began with plus its fills; sums of fills are what orders say."""
    assert len({fill.id for fill in venue.fills}) == len(venue.fills)
    for account in (venue.alice, venue.bob):
        own = [fill for fill in venue.fills if fill.account_id == account.id]
        base = sum(fill.quantity - fill.commission if fill.is_buyer else -fill.quantity for fill in own)
        quote = sum(-fill.quote if fill.is_buyer else fill.quote - fill.commission for fill in own)
        for asset, change in (("BTC", base), ("USDT", quote)):
            assert account.balance(asset).free + account.balance(asset).locked == FUNDS + change
    orders = {order.id: order for changes in venue.commits for order in changes.orders.values()}
    for order in orders.values():
        own = [fill for fill in venue.fills if fill.order_id == order.id]
        assert sum(fill.quantity for fill in own) == order.executed <= order.quantity
        assert sum(fill.quote for fill in own) == order.executed_quote
        for fill in own:
            if order.type.has_price:
                assert fill.price <= order.price if order.side is Side.BUY else fill.price >= order.price
        assert order.quantity % STEP == 0
