"""Facts from the database, and what the venue answered, for the checks."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db.models import Sum

from bots.credentials.ask import VenueAnswers
from bots.models import Bot, BotState, Installation, Mode, Position
from bots.preflight.facts import Facts, KeyFacts, SymbolFacts, VenueFacts
from bots.preflight.record import paper_record
from bots.trading.vocabulary import Ladder
from marketdata.models import FeedStatus, Instrument
from quant.learning.registry import WEIGHT_FACTORS, active_versions, version_for
from quant.models import ModelVersion
from quant.reading import Component

ACTIVE = (BotState.RUNNING, BotState.PAUSED)


def gather(bot: Bot, answers: VenueAnswers | None, *, now: datetime) -> Facts:
    """Facts about a bot. `answers`: what its venue said; None for paper. Needs `account__exchange`."""
    account = bot.account
    symbols = symbol_facts(bot, now=now)
    others = Bot.objects.filter(account=account, state__in=ACTIVE).exclude(pk=bot.pk)
    return Facts(
        mode=account.mode,
        account=account.name,
        exchange=account.exchange.name,
        quote=account.quote_asset,
        symbols=symbols,
        size=_plain(size_of(bot)),
        size_of_others=_plain(sum((size_of(other) for other in others), Decimal(0))),
        limits={
            "stop loss": _plain(bot.stop_loss),
            "daily loss": _plain(bot.daily_loss_limit),
            "drawdown": _plain(bot.maximum_drawdown),
            "position value": _plain(bot.maximum_position_value),
            "account's daily loss": _plain(account.daily_loss_limit),
            "account's drawdown": _plain(account.maximum_drawdown),
        },
        paper=paper_record(bot, [symbol.symbol for symbol in symbols], now=now),
        paper_trades_needed=settings.PREFLIGHT_PAPER_TRADES,
        paper_days_needed=settings.PREFLIGHT_PAPER_DAYS,
        weighs_model=weighs_model(bot),
        restriction=restriction_of(bot),
        venue=None if answers is None else venue_facts(answers, account.quote_asset),
        site_url=settings.SITE_URL,
        is_live=account.live_since is not None,
    )


def size_of(bot: Bot) -> Decimal:
    """What the bot may still put into the market: its largest size less what its open positions cost."""
    held = Position.objects.filter(bot=bot, closed_at=None).aggregate(cost=Sum("cost"))["cost"] or Decimal(0)
    largest = min(bot.capital, bot.maximum_positions * bot.maximum_position_value)
    return max(Decimal(0), largest - held)


def symbol_facts(bot: Bot, *, now: datetime) -> tuple[SymbolFacts, ...]:
    instruments = list(bot.instruments.select_related("exchange"))
    feeds = {
        feed.symbol: feed
        for feed in FeedStatus.objects.filter(
            exchange=bot.account.exchange_id, symbol__in=[instrument.symbol for instrument in instruments]
        )
    }
    voting = [version for version in active_versions() if WEIGHT_FACTORS[version.status] > 0]
    return tuple(_symbol(bot, instrument, feeds.get(instrument.symbol), voting, now) for instrument in instruments)


def _symbol(
    bot: Bot, instrument: Instrument, feed: FeedStatus | None, voting: list[ModelVersion], now: datetime
) -> SymbolFacts:
    exchange = instrument.exchange.code
    has_model = bool(settings.ML_SERVICE_URL) or any(
        version_for(voting, exchange=exchange, symbol=instrument.symbol, timeframe=timeframe)
        for timeframe in bot.timeframes
    )
    return SymbolFacts(
        symbol=instrument.symbol,
        has_rules=instrument.active,
        rules_age_s=(now - instrument.updated_at).total_seconds(),
        feed_state=feed.state if feed else "",
        feed_reason=feed.reason if feed else "",
        feed_age_s=(now - feed.updated_at).total_seconds() if feed else None,
        tick_age_s=(now - feed.last_tick_at).total_seconds() if feed and feed.last_tick_at else None,
        has_model=has_model,
    )


def venue_facts(answers: VenueAnswers, quote: str) -> VenueFacts:
    scope = answers.scope
    free = None
    if answers.balances is not None:
        free = _plain(sum((held.free for held in answers.balances if held.asset == quote), Decimal(0)))
    return VenueFacts(
        key_error=answers.key_error,
        error=answers.error,
        offset_ms=answers.offset_ms,
        key=None
        if scope is None
        else KeyFacts(can_trade=scope.can_trade, can_withdraw=scope.can_withdraw, is_ip_bound=scope.is_ip_bound),
        free_cash=free,
    )


def weighs_model(bot: Bot) -> bool:
    name = Component.MODEL.value
    return bot.component_weights.get(name, 0) > 0 and name not in bot.disabled_strategies


def restriction_of(bot: Bot) -> str:
    installation = Installation.objects.filter(pk=1).first()
    rows = (("the installation", installation), (bot.account.name, bot.account), (bot.name, bot))
    return "; ".join(
        f"{name} is on {row.ladder} ({row.ladder_reason})"
        for name, row in rows
        if row is not None and row.ladder != Ladder.ACTIVE
    )


def is_at_venue(bot: Bot) -> bool:
    return bot.account.mode != Mode.PAPER


def _plain(number: Decimal) -> Decimal:
    """Without the zeros of its column."""
    return Decimal(f"{number.normalize():f}")
