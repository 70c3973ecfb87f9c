"""Alice, her paper account on the simulated exchange, and bots that decide on little evidence."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bots.models import Account, Bot, Evaluation, Installation, User
from bots.operations.create_account import create_account
from bots.operations.start_bot import start_bot
from marketdata.models import Environment, Exchange, Instrument

EAGER: dict[str, Any] = {
    "minimum_confidence": 0.01,
    "minimum_coverage": 0.0,
    "validator_enabled": False,
    "stop_loss": Decimal("0.0004"),
    "take_profit": Decimal("0.0004"),
    "maximum_volatility": 1.0,
}
EVERY_TICK: dict[str, Any] = EAGER | {"evaluation": Evaluation.TICK}
EVERY_FIVE_SECONDS: dict[str, Any] = EAGER | {"evaluation": Evaluation.INTERVAL, "interval_s": 5}
EVERY_MINUTE: dict[str, Any] = EAGER | {"evaluation": Evaluation.BAR_CLOSE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trader:
    user: User
    exchange: Exchange
    account: Account

    def start(self, name: str, symbols: list[str], **settings: Any) -> Bot:
        """A running bot; its instruments are made with plain rules where the venue has not been asked yet."""
        bot = Bot(owner=self.user, account=self.account, name=name, **settings)
        bot.full_clean()
        bot.save()
        bot.instruments.set([self.instrument(symbol) for symbol in symbols])
        start_bot(bot_id=bot.pk, actor=self.user, now=datetime.now(UTC))
        return bot

    def instrument(self, symbol: str) -> Instrument:
        base, quote = symbol.split("/")
        rules = {"tick_size": "0.01", "lot_size": "0.00001", "min_quantity": "0.00001", "max_quantity": "1000000"}
        found, _ = Instrument.objects.get_or_create(
            exchange=self.exchange,
            symbol=symbol,
            defaults={"venue_symbol": base + quote, "base": base, "quote": quote, "min_notional": Decimal(5)}
            | {name: Decimal(value) for name, value in rules.items()},
        )
        return found


def make_trader(*, cash: int = 100_000) -> Trader:
    Installation.objects.get_or_create(pk=1)
    user = User.objects.create_user("alice")
    exchange = Exchange.objects.create(
        code="simulated", name="Simulated", adapter="binance", environment=Environment.SIMULATED
    )
    account = create_account(
        owner=user, name="Paper", exchange=exchange, opening_cash=Decimal(cash), actor=user, now=datetime.now(UTC)
    )
    return Trader(user=user, exchange=exchange, account=account)
