"""What the live page shows when it opens, in a number of queries that does not grow with the rows."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from django.db.models import OuterRef, Prefetch, QuerySet, Subquery, Sum
from redis.exceptions import RedisError

from bots.models import Bot, Decision, Fill, Installation, Order, PerformanceSnapshot, Position, Session, Trade, User
from bots.queries.performance import equity_points, performance, visible_bots
from bots.queries.periods import Period, start_of
from bots.queries.records import (
    decimal_text,
    decision_record,
    feed_record,
    fill_record,
    order_record,
    performance_record,
    position_record,
    time_text,
)
from bots.regimes import latest_regimes
from bots.trading.vocabulary import Ladder
from marketdata.models import FeedStatus, Instrument

log = structlog.get_logger(__name__)

RECENT = 50
SPARKLINE_POINTS = 60
SPARKLINE_SPAN = timedelta(days=1)
LOOK_SPAN = timedelta(hours=1)


def live_snapshot(user: User, *, now: datetime) -> dict[str, Any]:
    """bots, positions, orders, fills, decisions, feeds, performance and kill switch of one person."""
    positions = list(
        Position.objects.visible_to(user).open().select_related("instrument__exchange").order_by("-opened_at")
    )
    orders = Order.objects.visible_to(user).select_related("intent", "instrument__exchange")[:RECENT]
    fills = Fill.objects.visible_to(user).select_related("order__intent", "instrument")[:RECENT]
    decisions = Decision.objects.visible_to(user).select_related("bot", "instrument__exchange")[:RECENT]
    streams = feeds(now=now)
    return {
        "bots": bot_cards(user, now=now, positions=positions),
        "positions": [position_record(position) for position in positions],
        "orders": [order_record(order) for order in orders],
        "fills": [fill_record(fill) for fill in fills],
        "decisions": [decision_record(decision) for decision in decisions],
        "latest": [decision_record(decision) for decision in latest_looks(user, now=now)],
        "feeds": streams,
        "regimes": regimes(streams),
        "performance": performance(visible_bots(user), period=Period.DAY, now=now),
        "kill_switch": kill_switch(user),
        "at": time_text(now),
    }


def latest_looks(user: User, *, now: datetime) -> QuerySet[Decision]:
    """The newest decision of each bot on each symbol, oldest first; nothing that was decided long ago."""
    newest = (
        Decision.objects.visible_to(user)
        .filter(created_at__gte=now - LOOK_SPAN)
        .order_by("bot_id", "instrument_id", "-created_at")
        .distinct("bot_id", "instrument_id")
    )
    rows = Decision.objects.filter(pk__in=newest.values("pk")).order_by("created_at")
    found: QuerySet[Decision] = rows.select_related("bot", "instrument__exchange")
    return found


def feeds(*, now: datetime) -> list[dict[str, Any]]:
    return [feed_record(feed, now=now) for feed in FeedStatus.objects.select_related("exchange")]


def regimes(feeds: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What kind of market engines see, of each symbol that one of them runs; none where the cache is away."""
    try:
        return list(latest_regimes((feed["exchange"], feed["symbol"]) for feed in feeds).values())
    except RedisError as error:
        log.warning("snapshot.regimes.unavailable", error=f"{type(error).__name__}: {error}")
        return []


def installation_row() -> Installation:
    """The one row, or what it would be."""
    return Installation.objects.filter(pk=1).first() or Installation()


def kill_switch(user: User) -> dict[str, Any]:
    """How far trading is restricted, for the installation and for each account of the person."""
    installation = installation_row()
    accounts = [
        {"id": account.pk, "name": account.name, "ladder": account.ladder, "reason": account.ladder_reason}
        for account in user.accounts.all()
    ]
    steps = [Ladder(installation.ladder), *(Ladder(account["ladder"]) for account in accounts)]
    return {
        "ladder": str(max(steps, key=lambda step: step.rank)),
        "installation": {
            "ladder": installation.ladder,
            "reason": installation.ladder_reason,
            "set_at": time_text(installation.ladder_set_at),
        },
        "accounts": accounts,
    }


def own_bots(user: User) -> list[Bot]:
    """With account, watchlist and open session, in three queries."""
    bots = visible_bots(user).select_related("account__exchange")
    return list(
        bots.prefetch_related(
            Prefetch("instruments", queryset=Instrument.objects.select_related("exchange")),
            Prefetch("sessions", queryset=Session.objects.filter(ended_at=None), to_attr="open_sessions"),
        )
    )


def bot_card(bot: Bot) -> dict[str, Any]:
    """What does not change with the market."""
    session = next(iter(getattr(bot, "open_sessions", [])), None)
    return {
        "id": bot.pk,
        "name": bot.name,
        "description": bot.description,
        "state": bot.state,
        "reason": bot.state_reason,
        "ladder": bot.ladder,
        "ladder_reason": bot.ladder_reason,
        "symbols": [instrument.symbol for instrument in bot.instruments.all()],
        "exchange": bot.account.exchange.code,
        "environment": bot.account.exchange.environment,
        "mode": bot.account.mode,
        "account": bot.account.name,
        "quote_asset": bot.account.quote_asset,
        "evaluation": bot.evaluation,
        "interval_s": bot.interval_s,
        "timeframes": bot.timeframes,
        "component_weights": bot.component_weights,
        "threshold": bot.minimum_confidence,
        "capital": decimal_text(bot.capital),
        "session_id": session.pk if session else None,
        "started_at": time_text(session.started_at) if session else None,
        "version": bot.version,
    }


def newest_of(rows: QuerySet[Any], bot_ids: list[int]) -> QuerySet[Any]:
    """The first row of each bot, by an index look-up for each."""
    first = Subquery(rows.filter(bot=OuterRef("pk")).values("pk")[:1])
    return rows.filter(pk__in=Bot.objects.filter(pk__in=bot_ids).order_by().values_list(first))


def bot_cards(user: User, *, now: datetime, positions: list[Position]) -> list[dict[str, Any]]:
    """Cards with PnL today, sparkline and last decision."""
    bots = own_bots(user)
    ids = [bot.pk for bot in bots]
    today = start_of(Period.DAY, now=now)
    realised = dict(
        Trade.objects.filter(bot__in=ids, closed_at__gte=today).values_list("bot").annotate(total=Sum("realised_pnl"))
    )
    decisions = newest_of(Decision.objects.order_by("-created_at"), ids).select_related("bot", "instrument__exchange")
    last = {decision.bot_id: decision for decision in decisions}
    results = {row.bot_id: row for row in newest_of(PerformanceSnapshot.objects.order_by("-at"), ids)}
    curves = equity_points(ids, start=now - SPARKLINE_SPAN, now=now, points=SPARKLINE_POINTS)
    cards = []
    for bot in bots:
        held = [position for position in positions if position.bot_id == bot.pk]
        unrealised = sum((position.unrealised_pnl or Decimal(0) for position in held), Decimal(0))
        gained = realised.get(bot.pk) or Decimal(0)
        cards.append(
            bot_card(bot)
            | {
                "realised_today": decimal_text(gained),
                "unrealised_pnl": decimal_text(unrealised),
                "pnl_today": decimal_text(gained + unrealised),
                "positions_open": len(held),
                "sparkline": [
                    {"at": time_text(point.at), "equity": decimal_text(point.equity)} for point in curves[bot.pk]
                ],
                "performance": performance_record(results[bot.pk]) if bot.pk in results else None,
                "last_decision": decision_record(last[bot.pk]) if bot.pk in last else None,
            }
        )
    return cards
