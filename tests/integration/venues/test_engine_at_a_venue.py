"""The whole engine on an account at the simulated exchange: ticks in, orders over sockets, positions out."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.utils import timezone

from bots.brokers.account import VenueAccount
from bots.brokers.ccxt.connect import connect
from bots.credentials.secrets import Secrets
from bots.engine.connecting import connect_account
from bots.engine.engine import Engine
from bots.models import Account, Balance, Bot, BotState, Decision, JournalLeg, Order, Position, Trade, VenueState
from bots.operations.set_credentials import set_credentials
from bots.orders.checks import broken_invariants
from bots.orders.connections import open_pool
from bots.orders.leases import LeaseTerms
from bots.orders.load import AccountConfig
from marketdata.models import BarRow, Exchange
from tests.integration.engine.market import TestFeed, bars_rows, eventually
from tests.integration.engine.test_engine import EAGER
from tests.integration.orders.cast import Cast, make_bot, make_cast
from tests.integration.simulator.customer import Customer
from tests.integration.venues.conftest import NUMBERS
from tests.simulator_fixture import Simulator

TERMS = LeaseTerms(ttl_s=6, renew_s=0.5)


class Scene:
    """An engine, its account at the venue, and the venue's price as the feed tells it."""

    def __init__(self, cast: Cast, customer: Customer, exchange: Simulator) -> None:
        self.cast, self.customer, self.exchange = cast, customer, exchange
        self.price, _ = customer.quote()

    async def connect(self, account: AccountConfig) -> Any:
        return await connect(
            VenueAccount(
                account_id=account.account_id, exchange=account.exchange, adapter="binance", mode="sandbox",
                api_key=self.customer.key, secret=self.customer.secret, rest_url=self.exchange.rest_url,
                ws_url=self.exchange.websocket_url, timeout_s=5.0,
            )
        )  # fmt: skip

    async def start(self, holder: str = "engine-1") -> None:
        self.pool = await open_pool(min_size=2, max_size=6)
        self.engine = Engine(self.pool, holder=holder, terms=TERMS, connect=self.connect)
        self.engine.venues._terms = {"reconcile_s": 1.0, "settle_ms": 1_000}
        self.task = asyncio.create_task(self.engine.run())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.pool.close()


@pytest.fixture
async def scene(exchange: Simulator, transactional_db: None, redis_flush: None) -> AsyncIterator[Scene]:
    customer = Customer(exchange, f"engine-{next(NUMBERS)}", USDT="10000")
    cast = await sync_to_async(make_cast)(Decimal(0))
    await Account.objects.aupdate(mode="sandbox")
    await Bot.objects.aupdate(state=BotState.STOPPED)
    found = Scene(cast, customer, exchange)
    await sync_to_async(BarRow.objects.bulk_create)(await sync_to_async(bars_rows)(cast.btc, price=found.price))
    yield found
    customer.close()
    await sync_to_async(connections.close_all)()


async def test_a_bot_enters_and_is_stopped_out_at_its_venue(scene: Scene) -> None:
    await sync_to_async(make_bot)(scene.cast.account, [scene.cast.btc], "Eager", **EAGER)
    feed = TestFeed()
    await scene.start()
    try:
        await feed.play(lambda i: scene.price + i % 3, lambda: Position.objects.filter(closed_at=None).first())
        entry = await Order.objects.aget(intent__purpose="entry")
        assert (entry.state, entry.venue_order_id != "") == ("filled", True)
        await feed.play(lambda i: scene.price * 0.985 + i % 3, lambda: Trade.objects.first())
        await eventually(lambda: VenueState.objects.filter(problem="", reconciled_at__isnull=False).exists())
    finally:
        await scene.stop()
    truth = scene.customer.truth
    ours = {row.asset: row.total async for row in Balance.objects.all() if row.total}
    theirs = {asset: float(row["free"]) for asset, row in truth["balances"].items() if float(row["free"])}
    assert {asset: float(total) for asset, total in ours.items()} == theirs
    assert set(truth["requests_by_client_id"].values()) == {1}
    assert await sync_to_async(broken_invariants)() == []


async def test_keys_that_do_not_open_send_nothing_and_say_why(scene: Scene) -> None:
    async def refused(account: AccountConfig) -> Any:
        raise RuntimeError("the account's keys cannot be opened: give it new ones")

    scene.connect = refused  # type: ignore[method-assign]
    await sync_to_async(make_bot)(scene.cast.account, [scene.cast.btc], "Eager", **EAGER)
    feed = TestFeed()
    await scene.start()
    try:
        decision = await feed.play(
            lambda i: scene.price + i % 3, lambda: Decision.objects.filter(verdict="rejected").first()
        )
        state = await VenueState.objects.aget()
    finally:
        await scene.stop()
    assert "keys cannot be opened" in state.problem
    assert any("keys cannot be opened" in reason["text"] for reason in decision.reasons)
    assert not await Order.objects.aexists()


async def test_the_accounts_own_keys_are_opened_and_others_are_taken_up(
    scene: Scene, settings: Any, tmp_path: Path
) -> None:
    settings.LOCAL_DIR, settings.ACCOUNT_KEYS = tmp_path, []
    urls = {"rest_url": scene.exchange.rest_url, "websocket_url": scene.exchange.websocket_url}
    await Exchange.objects.filter(pk=scene.cast.exchange.pk).aupdate(**urls)
    await sync_to_async(make_bot)(scene.cast.account, [scene.cast.btc], "Eager", **EAGER)

    async def give(customer: Customer) -> None:
        secrets = Secrets(api_key=customer.key, secret=customer.secret)
        await sync_to_async(set_credentials)(
            account_id=scene.cast.account.pk, secrets=secrets, actor=scene.cast.alice, now=timezone.now()
        )

    other = Customer(scene.exchange, f"other-{next(NUMBERS)}", USDT="123")
    await give(scene.customer)
    scene.connect = connect_account  # type: ignore[method-assign]
    await scene.start()
    try:
        await eventually(lambda: Balance.objects.filter(asset="USDT", total=10_000).exists())
        await give(other)
        # What the other key shows is another account: the difference is the proof that it is used.
        await eventually(lambda: JournalLeg.objects.filter(asset="USDT", kind="withdrawal", amount=-9877).exists())
    finally:
        await scene.stop()
        other.close()
