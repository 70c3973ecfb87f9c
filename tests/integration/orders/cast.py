"""The cast of the order tests: Alice, her paper account and bots, BTC and ETH at a simulated venue."""

import itertools
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from bots.models import Account, Bot, BotState, Installation, User
from bots.operations.create_account import create_account
from bots.orders.leases import LeaseTerms
from bots.orders.store import OrderStore
from bots.trading.records import DecisionRecord, InstrumentRules, LeaseToken, OrderPlan, VenueFill, VenueReport
from bots.trading.vocabulary import Action, ExitReason, OrderState, OrderType, Purpose, Side, Trigger, Verdict
from marketdata.models import Environment, Exchange, Instrument

T0 = 1_763_700_000_000_000_000
D = Decimal
# Plans in turn are a minute apart: none of them is too soon after another.
STEP_NS = 61_000_000_000
PRICE, CASH = D("100000.00"), D(10_000)
TERMS = LeaseTerms(ttl_s=15, renew_s=3)


def make_instrument(exchange: Exchange, base: str) -> Instrument:
    return Instrument.objects.create(
        exchange=exchange,
        symbol=f"{base}/USDT",
        venue_symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        tick_size=D("0.01"),
        lot_size=D("0.00001"),
        min_quantity=D("0.00001"),
        max_quantity=D(9000),
        min_notional=D(5),
    )


def rules_of(instrument: Instrument) -> InstrumentRules:
    names = ("symbol", "base", "quote", "tick_size", "lot_size", "min_quantity", "max_quantity", "min_notional")
    values = {name: getattr(instrument, name) for name in names}
    return InstrumentRules(instrument_id=instrument.pk, exchange=instrument.exchange.code, **values)


def make_bot(account: Account, instruments: list[Instrument], name: str = "Follower", **settings: Any) -> Bot:
    bot = Bot.objects.create(
        owner=account.owner, account=account, name=name, state=BotState.RUNNING,
        maximum_position_value=D(450), **settings,
    )  # fmt: skip
    bot.instruments.set(instruments)
    return bot


@dataclass
class Cast:
    alice: User
    exchange: Exchange
    account: Account
    btc: Instrument
    eth: Instrument
    bot: Bot
    slots: Any = field(default_factory=lambda: itertools.count(1))

    def plan(self, *, bot: Bot | None = None, instrument: Instrument | None = None, **changes: Any) -> OrderPlan:
        slot = changes.pop("slot", None) or next(self.slots)
        plan = OrderPlan(
            bot_id=(bot or self.bot).pk,
            account_id=(bot or self.bot).account_id,
            rules=rules_of(instrument or self.btc),
            side=Side.BUY,
            purpose=Purpose.ENTRY,
            order_type=OrderType.MARKET,
            quantity=D("0.003"),
            limit_price=D("103000.00"),
            slot=slot,
            decided_at_ns=T0 + slot * STEP_NS if slot < 1000 else T0,
            stop_loss=D("0.02"),
            take_profit=D("0.04"),
        )
        return msgspec.structs.replace(plan, **changes)

    def exit_plan(self, position: Any, quantity: Decimal, **changes: Any) -> OrderPlan:
        return self.plan(
            side=Side.SELL,
            purpose=Purpose.EXIT,
            position_id=position.position_id,
            quantity=quantity,
            limit_price=D("97000.00"),
            exit_reason=ExitReason.STOP_LOSS,
            **changes,
        )

    def decision(self, plan: OrderPlan) -> DecisionRecord:
        return DecisionRecord(
            id=uuid.uuid4(),
            bot_id=plan.bot_id,
            instrument_id=plan.rules.instrument_id,
            symbol=plan.rules.symbol,
            ts_event=T0,
            trigger=Trigger.INTERVAL,
            action=Action.BUY if plan.side is Side.BUY else Action.SELL,
            verdict=Verdict.APPROVED,
            price=100_000.0,
            signal=0.5,
            confidence=0.6,
            coverage=1.0,
            multiplier=1.2,
            components=({"name": "technical", "value": float("nan")},),
            validators=(),
            reasons=(),
            reasoning="Technical signals point up.",
        )

    async def lease(self, store: OrderStore, *bots: Bot, holder: str = "engine-1") -> LeaseToken:
        tokens = await store.acquire(holder, bot_ids=[bot.pk for bot in bots or (self.bot,)])
        return tokens[0]

    async def submit(self, store: OrderStore, plan: OrderPlan, lease: LeaseToken) -> Any:
        return await store.submit(plan, self.decision(plan), lease, T0)

    async def enter(self, store: OrderStore, lease: LeaseToken, **changes: Any) -> Any:
        """A filled entry: the order and what recording it answered."""
        order = await self.submit(store, self.plan(**changes), lease)
        return order, await store.record(filled(order), lease)


def fill_of(
    order: Any, number: int, quantity: Decimal, price: Decimal = PRICE, fee: Decimal | None = None
) -> VenueFill:
    buys = order.plan.side is Side.BUY
    received = quantity if buys else quantity * price
    return VenueFill(
        trade_id=f"{order.order_id.hex}-{number}",
        price=price,
        quantity=quantity,
        fee=received / 1000 if fee is None else fee,
        fee_asset=order.plan.rules.base if buys else order.plan.rules.quote,
        is_maker=False,
        ts_event=T0 + number,
    )


def report(order: Any, state: OrderState, *fills: VenueFill) -> VenueReport:
    return VenueReport(order_id=order.order_id, state=state, fills=fills, evidence={"venue": "test"})


def filled(order: Any, price: Decimal = PRICE) -> VenueReport:
    return report(order, OrderState.FILLED, fill_of(order, 1, order.plan.quantity, price))


def make_cast(opening_cash: Decimal = CASH) -> Cast:
    Installation.objects.get_or_create(pk=1)
    alice = User.objects.create_user("alice")
    exchange = Exchange.objects.create(
        code="simulated", name="Simulated", adapter="binance", environment=Environment.SIMULATED
    )
    account = create_account(
        owner=alice,
        name="Paper",
        exchange=exchange,
        opening_cash=opening_cash,
        actor=alice,
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    btc, eth = make_instrument(exchange, "BTC"), make_instrument(exchange, "ETH")
    return Cast(alice=alice, exchange=exchange, account=account, btc=btc, eth=eth, bot=make_bot(account, [btc, eth]))
