"""Alice's live bot with everything in order, and the paper bot whose record it stands on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from bots.models import Account, Bot, Installation, Position, Trade, User
from bots.operations.create_account import create_account
from bots.operations.go_live import go_live
from marketdata.models import Exchange, FeedStatus, Instrument
from tests.integration.credentials.cast import SaidVenue, make_account
from tests.integration.orders.cast import make_instrument


@dataclass
class Cast:
    alice: User
    venue: SaidVenue
    exchange: Exchange
    account: Account
    btc: Instrument
    bot: Bot
    paper: Bot
    feed: FeedStatus
    now: datetime

    def fresh(self) -> Bot:
        bot: Bot = Bot.objects.select_related("account__exchange").get(pk=self.bot.pk)
        return bot


def make_cast(alice: User, venue: SaidVenue) -> Cast:
    now = timezone.now()
    Installation.objects.get_or_create(pk=1)
    account = make_account(alice)
    exchange = account.exchange
    go_live(account_id=account.pk, typed_name=account.name, actor=alice, now=now - timedelta(hours=1))
    btc = make_instrument(exchange, "BTC")
    bot = Bot.objects.create(owner=alice, account=account, name="Follower", capital=1000, maximum_position_value=300)
    bot.instruments.add(btc)
    paper_account = create_account(
        owner=alice, name="Paper", exchange=exchange, opening_cash=Decimal(10_000), actor=alice, now=now
    )
    paper = Bot.objects.create(owner=alice, account=paper_account, name="On paper", capital=50_000)
    Bot.objects.filter(pk=paper.pk).update(created_at=now - timedelta(days=60))
    paper.refresh_from_db()
    paper.instruments.add(btc)
    for number in range(30):
        make_trade(paper, btc, closed_at=now - timedelta(days=8) + timedelta(hours=number))
    feed = FeedStatus.objects.create(
        exchange=exchange, symbol=btc.symbol, state="live", last_price=100, last_tick_at=now, updated_at=now
    )
    return Cast(
        alice=alice, venue=venue, exchange=exchange, account=account, btc=btc, bot=bot, paper=paper, feed=feed, now=now
    )


def make_trade(bot: Bot, btc: Instrument, *, closed_at: datetime, **fields: Any) -> Trade:
    opened_at = closed_at - timedelta(minutes=10)
    position = Position.objects.create(
        bot=bot, account=bot.account, instrument=btc, side="buy", quantity=0, opened_quantity=1, entry_price=100,
        cost=0, stop_price=98, high_water_mark=105, opened_at=opened_at, closed_at=closed_at,
        exit_reason="take_profit",
    )  # fmt: skip
    values = {
        "side": "buy", "quantity": 1, "entry_price": 100, "exit_price": 101, "fees": "0.2", "realised_pnl": "0.8",
        "exit_reason": "take_profit", "opened_at": opened_at, "closed_at": closed_at,
    }  # fmt: skip
    return Trade.objects.create(position=position, bot=bot, instrument=btc, **(values | fields))
