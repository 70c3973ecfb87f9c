"""The paper broker honours the protocol of every broker, with its account's fees and latency."""

from decimal import Decimal

from bots.brokers.broker import Broker
from bots.brokers.paper import PaperBroker
from bots.orders.load import AccountConfig
from bots.orders.results import RestingOrder
from bots.trading.matching import PaperMatcher
from bots.trading.vocabulary import OrderState, OrderType
from tests.unit.bots.trading.cast import MS, book, order, sold

D = Decimal
ACCOUNT = AccountConfig(
    account_id=1, owner_id=1, exchange="simulated", stream_clock=False, mode="paper", quote_asset="USDT",
    maker_fee_bps=D(2), taker_fee_bps=D(10), latency_ms=50,
)  # fmt: skip


async def test_an_order_fills_after_the_accounts_latency_at_its_fees() -> None:
    broker: Broker = PaperBroker(ACCOUNT)
    broker.on_event(book(), 0)
    assert await broker.submit(order(), 0) == []
    assert broker.on_event(book(at_ns=49 * MS), 49 * MS) == []
    (report,) = broker.on_event(book(at_ns=50 * MS), 50 * MS)
    assert report.state is OrderState.FILLED
    assert report.fills[0].fee == D("0.001")


async def test_accounts_share_the_liquidity_of_a_market() -> None:
    matcher = PaperMatcher()
    alice, bob = PaperBroker(ACCOUNT, matcher), PaperBroker(ACCOUNT, matcher)
    alice.on_event(book(), 0)
    await alice.submit(order(1, quantity=D(3)), 0)
    await bob.submit(order(2, quantity=D(3)), 0)
    reports = alice.on_event(book(at_ns=50 * MS), 50 * MS)
    assert [report.state for report in reports] == [OrderState.FILLED, OrderState.EXPIRED]


async def test_what_rested_before_a_restart_can_fill_or_be_cancelled() -> None:
    broker = PaperBroker(ACCOUNT)
    broker.resume([RestingOrder(order=order(order_type=OrderType.LIMIT, limit_price=D(99)), filled=D("0.2"), fills=1)])
    (partial,) = broker.on_event(sold(98.0, 0.5, at_ns=MS), MS)
    assert (partial.state, partial.fills[0].quantity) == (OrderState.PARTIAL, D("0.5"))
    (cancelled,) = await broker.cancel(order().order_id, 2 * MS)
    assert cancelled.state is OrderState.CANCELED


async def test_an_order_whose_market_is_silent_expires_and_a_lost_bots_orders_are_forgotten() -> None:
    broker = PaperBroker(ACCOUNT)
    await broker.submit(order(1), 0)
    await broker.submit(order(2, bot_id=2), 0)
    broker.forget(2)
    (expired,) = broker.on_time(3_000 * MS)
    assert (expired.order_id, expired.state) == (order(1).order_id, OrderState.EXPIRED)
