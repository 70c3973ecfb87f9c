"""A bot's orders at the simulated exchange through the engine's own execution, without its signals."""

import asyncio
import time
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any
from uuid import UUID

import msgspec
from asgiref.sync import sync_to_async

from bots.brokers.account import VenueAccount
from bots.brokers.ccxt.connect import connect
from bots.brokers.limits import Limit
from bots.engine.books import AccountBooks, BotBooks, Held, Working
from bots.engine.decision_log import DecisionLog
from bots.engine.desk import Desk
from bots.engine.execution import Execution
from bots.engine.signal_writer import SignalWriter
from bots.engine.venue_desk import VenueDesk
from bots.engine.venues import Venues
from bots.models import Account, Balance, ExternalFill, Fill, Order
from bots.orders.checks import broken_invariants
from bots.orders.connections import open_pool
from bots.orders.load import AccountConfig
from bots.orders.store import OrderStore
from bots.trading.records import SubmittedOrder
from bots.trading.vocabulary import OrderType, Side
from tests.integration.orders.cast import TERMS, make_cast, rules_of
from tests.integration.simulator.customer import Customer
from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator

D = Decimal
VALUE = D(300)
AT_MARKET = D(0)


class Trader:
    """Alice, her account at the venue, and one bot of it. `restart` is a crash of its engine and a successor."""

    def __init__(self, exchange: Simulator, customer: Customer) -> None:
        self.exchange, self.customer = exchange, customer
        self.told: list[dict[str, Any]] = []
        self.terms: dict[str, Any] = {"reconcile_s": 1.0, "settle_ms": 2_000}
        self.pause_on_external = False
        self.halts: list[str] = []

    async def __aenter__(self) -> "Trader":
        self.cast = await sync_to_async(make_cast)(D(0))
        await Account.objects.filter(pk=self.cast.account.pk).aupdate(mode="sandbox")
        self.pool = await open_pool(min_size=2, max_size=6)
        self.store = OrderStore(self.pool, terms=TERMS)
        await self.begin()
        try:
            await self.until(lambda: not self.desk.trouble, "the account was not reconciled")
        except BaseException as error:
            error.add_note(self.desk.trouble)
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()
        await self.pool.close()

    async def begin(self, holder: str = "engine-1") -> None:
        """Take the bot as an engine does."""
        engine = Desk(
            store=self.store, decisions=DecisionLog(self.store), signals=SignalWriter(self.pool), say=self._say
        )
        self.engine = engine
        engine.venues = Venues(
            engine, connect=self._connect, post=self._post, pause_on_external=self.pause_on_external, **self.terms
        )
        self.reports: asyncio.Queue[Any] = asyncio.Queue()
        self.execution = Execution(engine, on_change=lambda bot: None)
        self.token = await self.cast.lease(self.store, holder=holder)
        recovery = await self.store.recover([self.token])
        state = await self.store.load([self.cast.bot.pk], time.time_ns())
        config = state.bots[self.cast.bot.pk]
        account = AccountBooks(config=config.account)
        self.bot = BotBooks(config=config, token=self.token, account=account)
        engine.bots[self.cast.bot.pk] = account.bots[self.cast.bot.pk] = self.bot
        rules = {found.instrument_id: found for found in config.instruments}
        for position in state.positions:
            self.bot.positions[position.instrument_id] = Held(
                position=position, rules=rules[position.instrument_id], mark=position.entry_price
            )
        self.bot.orders.update({order.order_id: Working.of_row(order) for order in state.orders})
        engine.venues.begin(config.account)
        self.execution.follow(self.bot, rules_of(self.cast.btc), recovery.at_venues)
        self._tasks = [asyncio.create_task(self._pump()), asyncio.create_task(self._renew(holder))]

    async def end(self, holder: str = "engine-1") -> None:
        assert self.engine.venues is not None
        await self.engine.venues.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def restart(self) -> None:
        """The engine is gone without a word; its successor takes the bot."""
        await self.end()
        await self.store.release([self.token], self.token.holder)
        await self.begin("engine-2")

    @property
    def desk(self) -> VenueDesk:
        assert self.engine.venues is not None
        desk = self.engine.venues.of(self.bot.account.config)
        assert desk is not None
        return desk

    async def _connect(self, account: AccountConfig) -> Any:
        return await connect(
            VenueAccount(
                account_id=account.account_id, exchange=account.exchange, adapter="binance", mode="sandbox",
                api_key=self.customer.key, secret=self.customer.secret, rest_url=self.exchange.rest_url,
                ws_url=self.exchange.websocket_url, timeout_s=5.0,
                limits=(Limit(name="weight", window_s=60, capacity=1_000_000),),
            )
        )  # fmt: skip

    def _say(self, user_id: int, kind: str, data: dict[str, Any]) -> None:
        if kind == "alert":
            self.told.append(data)

    def alerts(self, code: str) -> list[dict[str, Any]]:
        return [data for data in self.told if data["code"] == code]

    def _post(self, bot: BotBooks, rules: Any, report: Any) -> bool:
        self.reports.put_nowait((bot, rules, report))
        return True

    async def _pump(self) -> None:
        """The symbol's worker, as far as orders go."""
        while True:
            await self.execution.hear(*await self.reports.get())

    async def _renew(self, holder: str) -> None:
        while True:
            await asyncio.sleep(2)
            await self.store.renew([self.token], holder)

    # --- Acting -----------------------------------------------------------------------------------------------

    async def send(
        self, *, order_type: OrderType = OrderType.MARKET, below: Decimal = AT_MARKET, **changes: Any
    ) -> Any:
        """An entry of about 300 USDT: a collared market order, or a limit the fraction `below` the market."""
        bid, ask = (D(str(price)) for price in await asyncio.to_thread(self.customer.quote))
        price = (ask * D("1.02") if order_type is OrderType.MARKET else bid * (1 - below)).quantize(D("0.01"))
        quantity = (VALUE / price).quantize(D("0.00001"), rounding=ROUND_DOWN)
        plan = self.cast.plan(
            order_type=order_type,
            **({"limit_price": price, "quantity": quantity, "rules": rules_of(self.cast.btc)} | changes),
        )
        return await self.execution.send(self.bot, plan, self.cast.decision(plan), time.time_ns())

    async def leave(self) -> Any:
        """Sell what the bot holds."""
        held = next(iter(self.bot.positions.values()))
        bid, _ = (D(str(price)) for price in await asyncio.to_thread(self.customer.quote))
        rules = rules_of(self.cast.btc)
        quantity = held.position.quantity.quantize(rules.lot_size, rounding=ROUND_DOWN)
        plan = self.cast.exit_plan(held.position, quantity, rules=rules)
        plan = msgspec.structs.replace(plan, limit_price=(bid * D("0.98")).quantize(D("0.01")))
        return await self.execution.send(self.bot, plan, self.cast.decision(plan), time.time_ns())

    async def cancel(self, order: SubmittedOrder) -> None:
        await self.execution.cancel(self.bot, self.bot.orders[order.order_id], time.time_ns())

    # --- Looking ----------------------------------------------------------------------------------------------

    async def until(self, fact: Callable[[], Any], otherwise: str) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while not (found := fact()):
            assert time.monotonic() < deadline, otherwise
            await asyncio.sleep(0.05)
        return found

    async def state(self, order_id: UUID) -> str:
        return (await Order.objects.aget(pk=order_id)).state

    async def settled(self, order: Any, *states: str) -> Order:
        """The order's row once its state is one of these."""
        assert isinstance(order, SubmittedOrder), order
        deadline = time.monotonic() + PATIENCE_S
        while True:
            row = await Order.objects.aget(pk=order.order_id)
            if row.state in states:
                return row
            assert time.monotonic() < deadline, f"the order is {row.state} ({row.error}), not {states}"
            await asyncio.sleep(0.05)

    async def agrees(self) -> None:
        """Our books are sound, and the venue's say the same: balances, open orders, trades (I1 to I13)."""
        deadline = time.monotonic() + PATIENCE_S
        while differing := await self._differing():
            assert time.monotonic() < deadline, differing
            await asyncio.sleep(0.2)
        broken = await sync_to_async(broken_invariants)()
        assert broken == [], broken

    async def _differing(self) -> dict[str, Any]:
        truth = await asyncio.to_thread(lambda: self.customer.truth)
        theirs = {asset: D(row["free"]) + D(row["locked"]) for asset, row in truth["balances"].items()}
        ours = {row.asset: row.total async for row in Balance.objects.filter(account=self.cast.account)}
        balances = {
            asset: (ours.get(asset, D(0)), theirs.get(asset, D(0)))
            for asset in {*ours, *theirs}
            if ours.get(asset, D(0)) != theirs.get(asset, D(0))
        }
        mine = {row.trade_id async for row in Fill.objects.all()} | {
            row.trade_id async for row in ExternalFill.objects.all()
        }
        trades = mine ^ {str(row["id"]) for row in truth["trades"]}
        open_there = {row["clientOrderId"] for row in truth["orders"] if row["status"] in ("NEW", "PARTIALLY_FILLED")}
        open_here = {row.pk.hex async for row in Order.objects.filter(state__in=("open", "partial"))}
        return {
            name: found
            for name, found in (("balances", balances), ("trades", trades), ("open", open_there ^ open_here))
            if found
        }

    def sent(self, order: SubmittedOrder) -> int:
        """How often the venue received it."""
        return int(self.customer.truth["requests_by_client_id"].get(order.order_id.hex, 0))


def is_buy(order: SubmittedOrder) -> bool:
    return order.plan.side is Side.BUY
