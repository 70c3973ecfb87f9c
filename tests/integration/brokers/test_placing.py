"""Orders placed, found and cancelled over real sockets, without faults."""

import asyncio
import decimal
import uuid
from decimal import Decimal

import pytest

from bots.brokers.budget import LocalBudget
from bots.brokers.ccxt.connect import connect
from bots.brokers.ccxt.markets import forget_markets
from bots.brokers.venue import OrderRef, Outcome, Venue
from bots.trading.vocabulary import OrderState, OrderType, Purpose, Side
from tests.integration.brokers.cast import SYMBOL, Alice, ref

D = Decimal


async def test_a_market_order_is_an_immediate_limit_at_its_collar(venue: Venue, alice: Alice) -> None:
    order = await alice.order(venue, kind=OrderType.MARKET, away="1.02")
    answer = await venue.place(order)
    assert answer.outcome is Outcome.FOUND
    assert answer.order is not None
    assert answer.order.state is OrderState.FILLED
    assert answer.order.client_order_id == order.order_id.hex
    assert answer.order.limit_price == order.plan.limit_price
    assert sum(trade.fill.quantity for trade in answer.trades) == D("0.01")
    assert {trade.fill.fee_asset for trade in answer.trades} == {"BTC"}
    (request,) = [row for row in alice.truth()["orders"] if row["clientOrderId"] == order.order_id.hex]
    assert (request["type"], request["timeInForce"]) == ("LIMIT", "IOC")


async def test_what_the_collar_does_not_reach_expires(venue: Venue, alice: Alice) -> None:
    answer = await venue.place(await alice.order(venue, kind=OrderType.MARKET, away="0.9"))
    assert answer.order is not None
    assert (answer.order.state, answer.order.filled) == (OrderState.EXPIRED, 0)


async def test_a_limit_order_rests_is_found_and_cancelled(venue: Venue, alice: Alice) -> None:
    order = await alice.order(venue)
    placed = await venue.place(order)
    assert placed.order is not None
    assert placed.order.state is OrderState.OPEN
    found = await venue.find(ref(order))
    assert found.order is not None
    assert (found.outcome, found.order.quantity) == (Outcome.FOUND, D("0.01"))
    assert [one.client_order_id for one in await venue.open_orders()] == [order.order_id.hex]
    cancelled = await venue.cancel(ref(order))
    assert cancelled.order is not None
    assert (cancelled.outcome, cancelled.order.state) == (Outcome.FOUND, OrderState.CANCELED)
    assert cancelled.order.client_order_id == order.order_id.hex
    assert (await venue.cancel(ref(order))).outcome is Outcome.NOT_FOUND
    assert not await venue.open_orders()


async def test_an_order_that_never_was_is_not_found_by_a_typed_code(venue: Venue) -> None:
    answer = await venue.find(OrderRef(symbol=SYMBOL, client_order_id=uuid.uuid4().hex))
    assert (answer.outcome, answer.code) == (Outcome.NOT_FOUND, "-2013")


async def test_the_order_is_signed_with_its_own_time_and_window(venue: Venue, alice: Alice) -> None:
    order = await alice.order(venue, late_ms=700, window_ms=1_900)
    await venue.place(order)
    (request,) = [row for row in alice.truth()["requests"] if row["client_order_id"] == order.order_id.hex]
    assert int(request["params"]["timestamp"]) == order.sign_ts_ms
    assert int(request["params"]["recvWindow"]) == 1_900


async def test_an_order_whose_time_is_over_is_not_sent(venue: Venue, alice: Alice) -> None:
    order = await alice.order(venue, late_ms=5_000)
    answer = await venue.place(order)
    assert answer.outcome is Outcome.NOT_SENT
    assert "time was over" in answer.error
    assert not [row for row in alice.truth()["requests"] if row["client_order_id"] == order.order_id.hex]


@pytest.mark.parametrize(
    ("changes", "words"), [({"price": D("100.001")}, "price"), ({"quantity": "0.000015"}, "quantity")]
)
async def test_numbers_off_the_venues_steps_are_not_sent_rounded(
    venue: Venue, alice: Alice, changes: dict[str, object], words: str
) -> None:
    order = await alice.order(venue, **changes)
    answer = await venue.place(order)
    assert answer.outcome is Outcome.NOT_SENT
    assert words in answer.error
    assert alice.orders_made_of(order) == 0


async def test_a_refusal_by_a_typed_code_did_not_happen(venue: Venue, alice: Alice) -> None:
    order = await alice.order(venue, kind=OrderType.MARKET, away="1.02", quantity="50")
    answer = await venue.place(order)
    assert (answer.outcome, answer.code) == (Outcome.REJECTED, "-2010")
    assert alice.orders_made_of(order) == 0


async def test_an_exit_sells_what_was_bought(venue: Venue, alice: Alice) -> None:
    order = await alice.order(venue, kind=OrderType.MARKET, side=Side.SELL, away="0.98", purpose=Purpose.EXIT)
    answer = await venue.place(order)
    assert answer.order is not None
    assert (answer.order.side, answer.order.state) == (Side.SELL, OrderState.FILLED)


async def test_history_has_every_page(venue: Venue, alice: Alice) -> None:
    first = await alice.order(venue, kind=OrderType.MARKET, away="1.02", quantity="0.001")
    orders = [
        first,
        *[await alice.order(venue, kind=OrderType.MARKET, away="1.02", quantity="0.001") for _ in range(6)],
    ]
    for order in orders:
        assert (await venue.place(order)).outcome is Outcome.FOUND
    _pages_of(venue, 2)
    since_ms = first.sign_ts_ms - 3 * 86_400_000
    trades = await venue.trades(SYMBOL, since_ms=since_ms)
    assert [trade.fill.trade_id for trade in trades] == sorted(
        (str(row["id"]) for row in alice.truth()["trades"]), key=int
    )
    assert await venue.trades(SYMBOL, since_ms=0) == trades
    history = await venue.recent_orders(SYMBOL, since_ms=since_ms)
    assert [order.client_order_id for order in history] == [order.order_id.hex for order in orders]


def _pages_of(venue: Venue, rows: int) -> None:
    from msgspec.structs import replace

    venue._dialect = replace(venue._dialect, page=rows)  # type: ignore[attr-defined]


async def test_balances_and_scope(venue: Venue) -> None:
    balances = {balance.asset: balance.total for balance in await venue.balances()}
    assert balances == {"BTC": D(1), "USDT": D(100_000)}
    scope = await venue.scope()
    assert scope.can_trade is True


async def test_ccxt_leaves_our_arithmetic_as_it_was(venue: Venue, alice: Alice) -> None:
    before = decimal.getcontext().copy()
    await venue.place(await alice.order(venue, kind=OrderType.MARKET, away="1.02"))
    await venue.balances()
    after = decimal.getcontext()
    assert (after.rounding, after.traps) == (before.rounding, before.traps)


async def test_secrets_are_not_shown(alice: Alice) -> None:
    account = alice.account(password="phrase")
    for text in (repr(account), str(account), f"{account}"):
        assert alice.secret not in text
        assert alice.key not in text
        assert "phrase" not in text


async def test_accounts_at_one_venue_ask_for_its_markets_once(alice: Alice, budget: LocalBudget) -> None:
    forget_markets()
    venues = await asyncio.gather(*(connect(alice.account(), budget=budget) for _ in range(5)))
    lists = {id(venue._exchange.markets) for venue in venues}  # type: ignore[attr-defined]
    for venue in venues:
        assert (await venue.place(await alice.order(venue))).outcome is Outcome.FOUND
    await asyncio.gather(*(venue.close() for venue in venues))
    assert len(lists) == 1


async def test_rules_that_changed_are_seen_after_asking_again(venue: Venue, alice: Alice) -> None:
    alice.switch("listing_change", symbol="BTCUSDT", factor=10.0)
    order = await alice.order(venue, price=alice.ask() * D("0.9") // 1 + D("0.01"))
    assert (await venue.place(order)).outcome is Outcome.REJECTED
    forget_markets()
    await venue.refresh_rules()  # type: ignore[attr-defined]
    answer = await venue.place(await alice.order(venue, price=order.plan.limit_price))
    assert answer.outcome is Outcome.NOT_SENT
    forget_markets()
