"""Copies of bots for one replay: an account of their own, leased to the replay from the first moment."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from bots.models import Account, Bot, BotLease, BotState, Mode, Session
from bots.operations.create_account import create_account
from bots.trading.records import LeaseToken
from marketdata.models import Instrument

LEASE_S = 600


class CannotReplay(ValueError):
    """The replay was asked for what there is not; says what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy of a bot. `name` is the original's, which is the same in every replay."""

    bot_id: int
    name: str
    token: LeaseToken


def find_bots(names: Sequence[str]) -> list[Bot]:
    """Bots by name or number. Raises CannotReplay, naming the ones there are."""
    if not names:
        raise CannotReplay("Name at least one bot with --bot; `manage.py bots list` shows them.")
    found = []
    for name in names:
        rows = Bot.objects.select_related("account__exchange", "owner")
        bot = rows.filter(pk=int(name)).first() if name.isdecimal() else rows.filter(name=name).first()
        if bot is None:
            known = ", ".join(Bot.objects.exclude(name__startswith="Replay ").values_list("name", flat=True)[:20])
            raise CannotReplay(f"There is no bot called {name!r}; there are: {known or 'none'}.")
        found.append(bot)
    return found


@transaction.atomic
def make_copies(bots: Sequence[Bot], *, symbol: str, holder: str, now: datetime) -> list[Copy]:
    """Copy bots onto a fresh account each shares with those of its original's. Raises CannotReplay."""
    tag = secrets.token_hex(3)
    accounts: dict[int, Account] = {}
    copies = []
    for original in bots:
        instrument = Instrument.objects.filter(exchange=original.account.exchange, symbol=symbol).first()
        if instrument is None:
            raise CannotReplay(f"{symbol} is not an instrument of {original.account.exchange}: add it in the admin.")
        source = original.account
        if source.pk not in accounts:
            accounts[source.pk] = create_account(
                owner=source.owner,
                name=f"Replay {tag} {source.name}"[:64],
                exchange=source.exchange,
                opening_cash=_cash(source, bots),
                actor=None,
                now=now,
                quote_asset=source.quote_asset,
                maker_fee_bps=source.maker_fee_bps,
                taker_fee_bps=source.taker_fee_bps,
                latency_ms=source.latency_ms,
            )
        copies.append(_copy(original, accounts[source.pk], instrument, tag, holder, now))
    return copies


def _cash(source: Account, bots: Sequence[Bot]) -> Decimal:
    """As it opened with; what a venue holds is told by the venue, so there what its bots may use."""
    if source.mode == Mode.PAPER:
        return source.opening_cash
    return sum((bot.capital for bot in bots if bot.account_id == source.pk), Decimal(0))


def _copy(original: Bot, account: Account, instrument: Instrument, tag: str, holder: str, now: datetime) -> Copy:
    name = original.name
    bot = Bot.objects.get(pk=original.pk)
    bot.pk = None
    bot._state.adding = True
    bot.name = f"Replay {tag} {name}"[:64]
    bot.account = account
    bot.state = BotState.RUNNING
    bot.ladder, bot.ladder_reason = "active", ""
    bot.save()
    bot.instruments.set([instrument])
    Session.objects.create(bot=bot, started_at=now, started_by=None)
    BotLease.objects.create(bot=bot, epoch=1, holder=holder, expires_at=now + timedelta(seconds=LEASE_S))
    return Copy(bot_id=bot.pk, name=name, token=LeaseToken(bot_id=bot.pk, holder=holder, epoch=1))


@transaction.atomic
def retire_copies(copies: Sequence[Copy], *, now: datetime) -> None:
    """Stop the copies; their orders and trades stay, to be looked at."""
    ids = [copy.bot_id for copy in copies]
    Bot.objects.filter(pk__in=ids).update(state=BotState.STOPPED, state_reason="the replay is over")
    Session.objects.filter(bot__in=ids, ended_at=None).update(ended_at=now, end_reason="the replay is over")
    BotLease.objects.filter(bot__in=ids).update(holder="", expires_at=None)
