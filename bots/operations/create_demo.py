"""The demo: a person, the simulated exchange, a paper account and three bots of different character."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from bots.models import Account, Bot, Evaluation, User
from bots.operations.create_account import create_account
from bots.operations.refusals import Refused
from bots.operations.start_bot import start_bot
from marketdata.models import Environment, Exchange, Instrument

USERNAME = "demo"
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT", "XRP/USDT", "ADA/USDT", "DOGE/USDT", "AVAX/USDT")

# Until the venue has been asked: tick and lot. Its own rules replace these as soon as a feed runs.
PROVISIONAL_RULES = {
    "BTC/USDT": ("0.01", "0.00001"),
    "ETH/USDT": ("0.01", "0.0001"),
    "SOL/USDT": ("0.01", "0.001"),
    "BNB/USDT": ("0.01", "0.001"),
    "XRP/USDT": ("0.0001", "0.1"),
    "ADA/USDT": ("0.0001", "0.1"),
    "DOGE/USDT": ("0.00001", "1"),
    "AVAX/USDT": ("0.001", "0.01"),
}

# Positions of a few hundred: below that, the part of a lot that a fee leaves over would weigh more than the fee.
CASH = Decimal(100_000)
# Those of a busy trader: at a beginner's 10 bps a scalper shows little but its fees.
FEES: dict[str, Any] = {"maker_fee_bps": Decimal(1), "taker_fee_bps": Decimal(2)}
STAKE: dict[str, Any] = {"capital": Decimal(30_000), "maximum_position_value": Decimal(1_000)}

BOTS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("BTC/USDT", "ETH/USDT", "SOL/USDT"),
        {
            "name": "Trend follower",
            "description": "Decides when a bar closes, on one and five minutes; lets profits run behind a trailing stop.",
            "evaluation": Evaluation.BAR_CLOSE,
            "timeframes": {"1m": 1.0, "5m": 1.0},
            "minimum_confidence": 0.1,
            **STAKE,
            "stop_loss": Decimal("0.012"),
            "take_profit": Decimal(0),
            "trailing_stop": Decimal("0.008"),
        },
    ),
    (
        ("BNB/USDT", "XRP/USDT", "AVAX/USDT"),
        {
            "name": "Mean reversion",
            "description": "Looks every 15 s for prices that went too far, and takes small profits.",
            "evaluation": Evaluation.INTERVAL,
            "interval_s": 15,
            "component_weights": {
                "technical": 0.6,
                "speed": 0.05,
                "microstructure": 0.25,
                "open_interest": 0.0,
                "options_flow": 0.0,
                "sentiment": 0.0,
                "volatility": 0.1,
            },
            "minimum_confidence": 0.08,
            **STAKE,
            "stop_loss": Decimal("0.008"),
            "take_profit": Decimal("0.006"),
        },
    ),
    (
        ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT", "DOGE/USDT"),
        {
            "name": "Scalper",
            "description": "Decides every 5 s on little evidence, with tight stops: the busiest of the three.",
            "evaluation": Evaluation.INTERVAL,
            "interval_s": 5,
            # The busiest of the three: this is its ordinary pace.
            "maximum_entries_per_5_minutes": 60,
            "minimum_confidence": 0.04,
            "minimum_coverage": 0.2,
            "validator_enabled": False,
            **STAKE,
            "stop_loss": Decimal("0.004"),
            "take_profit": Decimal("0.005"),
        },
    ),
)


class DemoExists(Refused):
    """The demo was created before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The login, shown once, and what was made."""

    username: str
    password: str
    bots: tuple[Bot, ...]


@transaction.atomic
def create_demo(*, now: datetime) -> Demo:
    """Create everything and start the bots. Raises DemoExists."""
    if User.objects.filter(username=USERNAME).exists():
        raise DemoExists(f"There is a person called {USERNAME} already; the demo is created only once.")
    password = secrets.token_urlsafe(9)
    user = User.objects.create_user(USERNAME, password=password, is_staff=True, is_superuser=True)
    exchange, _ = Exchange.objects.get_or_create(
        code="simulated",
        defaults={
            "name": "Simulated exchange",
            "adapter": "binance",
            "environment": Environment.SIMULATED,
            "rest_url": "",
        },
    )
    instruments = demo_instruments(exchange)
    account = create_account(owner=user, name="Demo", exchange=exchange, opening_cash=CASH, actor=user, now=now, **FEES)
    bots = tuple(_create_bot(user, account, instruments, symbols, values, now) for symbols, values in BOTS)
    return Demo(username=USERNAME, password=password, bots=bots)


def demo_instruments(exchange: Exchange) -> dict[str, Instrument]:
    """The demo's instruments, made with provisional rules where the venue has not been asked yet."""
    found = {row.symbol: row for row in Instrument.objects.filter(exchange=exchange, symbol__in=SYMBOLS)}
    for symbol in SYMBOLS:
        if symbol in found:
            continue
        base, quote = symbol.split("/")
        tick_size, lot_size = PROVISIONAL_RULES[symbol]
        found[symbol] = Instrument.objects.create(
            exchange=exchange,
            symbol=symbol,
            venue_symbol=base + quote,
            base=base,
            quote=quote,
            tick_size=Decimal(tick_size),
            lot_size=Decimal(lot_size),
            min_quantity=Decimal(lot_size),
            max_quantity=Decimal(1_000_000),
            min_notional=Decimal(5),
        )
    return found


def _create_bot(
    owner: User,
    account: Account,
    instruments: dict[str, Instrument],
    symbols: Sequence[str],
    values: dict[str, Any],
    now: datetime,
) -> Bot:
    bot = Bot(owner=owner, account=account, **values)
    bot.full_clean()
    bot.save()
    bot.instruments.set([instruments[symbol] for symbol in symbols])
    start_bot(bot_id=bot.pk, actor=owner, now=now)
    return bot
