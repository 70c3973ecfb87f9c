"""How a person's bots have done over a period."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Count, DecimalField, F, Min, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from bots.models import Bot, PerformanceSnapshot, Position, Trade, User
from bots.queries.periods import Period, start_of
from bots.queries.records import decimal_text, time_text
from bots.trading.performance import maximum_drawdown, returns_of, sharpe, sortino
from bots.trading.vocabulary import Side

MONEY: "DecimalField[Any, Any]" = DecimalField(max_digits=28, decimal_places=12)
ZERO = Value(Decimal(0), output_field=MONEY)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityPoint:
    """What bots were worth together at a moment, in quote."""

    at: datetime
    equity: Decimal


def visible_bots(user: User, bot_id: int | None = None) -> QuerySet[Bot]:
    bots: QuerySet[Bot] = Bot.objects.visible_to(user)
    return bots if bot_id is None else bots.filter(pk=bot_id)


def performance(bots: QuerySet[Bot], *, period: Period, now: datetime) -> dict[str, Any]:
    """Money of the period from closed trades and open positions; ratios from the equity curve of the period."""
    start = start_of(period, now=now)
    trades = Trade.objects.filter(bot__in=bots)
    trades = trades if start is None else trades.filter(closed_at__gte=start)
    sums = trades.aggregate(
        realised=Coalesce(Sum("realised_pnl"), ZERO),
        fees=Coalesce(Sum("fees"), ZERO),
        count=Count("pk"),
        wins=Count("pk", filter=Q(realised_pnl__gt=0)),
        gained=Coalesce(Sum("realised_pnl", filter=Q(realised_pnl__gt=0)), ZERO),
        lost=Coalesce(Sum("realised_pnl", filter=Q(realised_pnl__lt=0)), ZERO),
    )
    held = open_totals(bots)
    curve = equity_curve(bots, start=start, now=now)
    values = np.array([float(point.equity) for point in curve])
    ratios = curve_ratios(values, curve)
    return {
        "period": str(period),
        "since": time_text(start),
        "equity": decimal_text(curve[-1].equity if curve else capital_of(bots)),
        "realised_pnl": decimal_text(sums["realised"]),
        "unrealised_pnl": decimal_text(held["unrealised"]),
        "exposure": decimal_text(held["exposure"]),
        "positions_open": held["count"],
        "fees": decimal_text(sums["fees"]),
        "trades": sums["count"],
        "win_rate": sums["wins"] / sums["count"] if sums["count"] else None,
        "profit_factor": float(sums["gained"] / -sums["lost"]) if sums["lost"] else None,
        **ratios,
    }


def curve_ratios(values: Any, curve: list[EquityPoint]) -> dict[str, float | None]:
    """Sharpe, Sortino and drawdown of an equity curve of evenly spaced points."""
    if len(curve) < 2 or not bool(np.all(values > 0)):
        return {"sharpe": None, "sortino": None, "maximum_drawdown": 0.0}
    period_s = (curve[-1].at - curve[0].at).total_seconds() / (len(curve) - 1)
    returns = returns_of(values)
    return {
        "sharpe": sharpe(returns, period_s=period_s),
        "sortino": sortino(returns, period_s=period_s),
        "maximum_drawdown": maximum_drawdown(values),
    }


def capital_of(bots: QuerySet[Bot]) -> Decimal:
    total: Decimal = bots.aggregate(total=Coalesce(Sum("capital"), ZERO))["total"]
    return total


def open_totals(bots: QuerySet[Bot]) -> dict[str, Any]:
    """count, unrealised and exposure of open positions at their last mark, in quote."""
    held = Position.objects.open().filter(bot__in=bots)
    gain = (F("mark_price") - F("entry_price")) * F("quantity")
    return held.aggregate(
        count=Count("pk"),
        unrealised=Coalesce(Sum(gain, filter=Q(side=Side.BUY), output_field=MONEY), ZERO)
        - Coalesce(Sum(gain, filter=Q(side=Side.SELL), output_field=MONEY), ZERO),
        exposure=Coalesce(Sum(Coalesce(F("mark_price"), F("entry_price")) * F("quantity"), output_field=MONEY), ZERO),
    )


CURVE_SQL = """
SELECT DISTINCT ON (bot_id, bucket) bot_id, date_bin(make_interval(secs => %s), at, %s) AS bucket, equity
FROM bots_performancesnapshot
WHERE bot_id = ANY(%s) AND at >= %s
ORDER BY bot_id, bucket, at DESC
"""


def equity_points(
    bot_ids: Iterable[int], *, start: datetime, now: datetime, points: int
) -> dict[int, list[EquityPoint]]:
    """The last equity of each of at most `points` spans of equal length, per bot, oldest first."""
    ids = list(bot_ids)
    span = max((now - start) / points, timedelta(seconds=1))
    curves: dict[int, list[EquityPoint]] = {bot_id: [] for bot_id in ids}
    with connection.cursor() as cursor:
        cursor.execute(CURVE_SQL, [span.total_seconds(), EPOCH, ids, start])
        for bot_id, bucket, equity in cursor.fetchall():
            curves[bot_id].append(EquityPoint(at=bucket, equity=equity))
    return curves


def equity_curve(bots: QuerySet[Bot], *, start: datetime | None, now: datetime, points: int = 300) -> list[EquityPoint]:
    """The bots' equity together, oldest first. A bot counts with its capital until its first snapshot."""
    capitals = dict(bots.values_list("pk", "capital"))
    if not capitals:
        return []
    if start is None:
        start = PerformanceSnapshot.objects.filter(bot__in=list(capitals)).aggregate(first=Min("at"))["first"]
        if start is None:
            return []
    present = capitals | _equity_before(list(capitals), start)
    steps = sorted(
        (point.at, bot_id, point.equity)
        for bot_id, curve in equity_points(capitals, start=start, now=now, points=points).items()
        for point in curve
    )
    curve: list[EquityPoint] = []
    for at, bot_id, equity in steps:
        present[bot_id] = equity
        point = EquityPoint(at=at, equity=sum(present.values(), Decimal(0)))
        if curve and curve[-1].at == at:
            curve[-1] = point
        else:
            curve.append(point)
    return curve


def _equity_before(bot_ids: list[int], moment: datetime) -> dict[int, Decimal]:
    """The bots' last equity before a moment, where there is one."""
    last = PerformanceSnapshot.objects.filter(bot=OuterRef("pk"), at__lt=moment).order_by("-at").values("equity")[:1]
    rows = Bot.objects.filter(pk__in=bot_ids).annotate(last_equity=Subquery(last)).values_list("pk", "last_equity")
    return {bot_id: equity for bot_id, equity in rows if equity is not None}
