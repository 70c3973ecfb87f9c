"""Alice and Bob, each with a paper bot that has traded BTC at 100."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from bots.models import (
    Account,
    Balance,
    Bot,
    Decision,
    Fill,
    Intent,
    Order,
    OrderEvent,
    PerformanceSnapshot,
    Position,
    Session,
    Signal,
    Trade,
    User,
)
from marketdata.models import Exchange, Instrument

PASSWORD = "a long enough password"
NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody, and one of everything that is theirs."""

    user: User
    account: Account
    bot: Bot
    decision: Decision
    order: Order
    fill: Fill
    position: Position
    closed: Position
    trade: Trade
    signal: Signal
    api: APIClient


def make_instrument(venue: Exchange, base: str) -> Instrument:
    return Instrument.objects.create(
        exchange=venue, symbol=f"{base}/USDT", venue_symbol=f"{base}USDT", base=base, quote="USDT",
        tick_size=Decimal("0.01"), lot_size=Decimal("0.001"), min_quantity=Decimal("0.001"),
        max_quantity=Decimal(1000), min_notional=Decimal(5),
    )  # fmt: skip


def furnish(name: str, venue: Exchange, btc: Instrument) -> Person:
    now = timezone.now()
    user = User.objects.create_user(name, password=PASSWORD)
    account = Account.objects.create(owner=user, name="paper", exchange=venue)
    Balance.objects.create(account=account, asset="USDT", total=10_000)
    bot = Bot.objects.create(owner=user, account=account, name=f"{name}'s bot")
    bot.instruments.add(btc)
    Session.objects.create(bot=bot, started_at=now - timedelta(hours=2), ended_at=now - timedelta(hours=1))
    decision = Decision.objects.create(
        bot=bot, instrument=btc, ts_event=int(now.timestamp() * NS), trigger="interval", action="buy",
        verdict="approved", price=100.0, signal=0.4, confidence=0.5, coverage=0.8, multiplier=1.1,
        components=[{"name": "technical", "timeframe": "1m", "value": 0.4, "quality": 1.0, "weight": 0.4,
                     "contribution": 0.16, "n_obs": 100, "age_ms": 12, "reason": "", "parts": {}}],
        validators=[{"code": "agreement", "passed": True, "value": 1.0, "limit": 0.5, "text": "they agree"}],
        reasoning="technical says buy",
    )  # fmt: skip
    intent = Intent.objects.create(
        bot=bot, account=account, instrument=btc, decision=decision, side="buy", purpose="entry", slot=1,
        order_type="market", quantity=2, limit_price=101, reserved_asset="USDT", reserved_amount=0, reserved_left=0, closed_at=now,
    )  # fmt: skip
    order = Order.objects.create(
        id=uuid.uuid4(), intent=intent, bot=bot, account=account, instrument=btc, state="filled", side="buy",
        order_type="market", quantity=2, limit_price=101, filled_quantity=2, average_price=100, epoch=1, sign_ts_ms=1,
        valid_until_ms=2, payload_hash="x", decided_at=now, created_at=now, updated_at=now, filled_at=now,
    )  # fmt: skip
    OrderEvent.objects.create(order=order, from_state="planned", to_state="sending", at=now)
    OrderEvent.objects.create(order=order, from_state="sending", to_state="filled", at=now, evidence={"trade": "t1"})
    position = make_position(bot, btc, decision, now)
    closed = make_position(bot, btc, decision, now, closed_at=now, quantity=0, exit_reason="take_profit")
    fill = Fill.objects.create(
        order=order, account=account, instrument=btc, position=position, trade_id=f"{name}-1", side="buy", price=100,
        quantity=2, fee="0.2", fee_asset="USDT", ts_event=1, created_at=now,
    )  # fmt: skip
    trade = Trade.objects.create(
        position=closed, bot=bot, instrument=btc, decision=decision, side="buy", quantity=1, entry_price=100,
        exit_price=104, fees="0.5", realised_pnl="3.5", exit_reason="take_profit", opened_at=now, closed_at=now,
    )  # fmt: skip
    signal = Signal.objects.create(
        bot=bot, instrument=btc, decision_id=decision.pk, source="combined", action="buy", value=0.4, confidence=0.5,
        price=100, reasoning="buy", ts_event=int(now.timestamp() * NS), created_at=now,
    )  # fmt: skip
    for minutes, equity in ((3, 2000), (2, 2010), (1, 1990)):
        PerformanceSnapshot.objects.create(
            bot=bot, at=now - timedelta(minutes=minutes), equity=equity, realised_pnl=0, unrealised_pnl=0, fees=0,
            trades=0,
        )  # fmt: skip
    api = APIClient()
    api.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return Person(
        user=user, account=account, bot=bot, decision=decision, order=order, fill=fill, position=position,
        closed=closed, trade=trade, signal=signal, api=api,
    )  # fmt: skip


def make_position(bot: Bot, btc: Instrument, decision: Decision, now: datetime, **fields: Any) -> Position:
    defaults: dict[str, Any] = {
        "side": "buy", "quantity": 2, "opened_quantity": 2, "entry_price": 100, "cost": 200, "mark_price": 105, "stop_price": 98,
        "high_water_mark": 105, "opened_at": now,
    }  # fmt: skip
    return Position.objects.create(
        bot=bot, account=bot.account, instrument=btc, decision=decision, **(defaults | fields)
    )
