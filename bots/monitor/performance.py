"""How every bot that trades has done, as a row every 30 s."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from msgspec import Struct, structs

from bots.broadcast import plain
from bots.models import Bot, BotState, PerformanceSnapshot, Position, Trade
from bots.operations.speak import publish
from bots.trading.money import CONTEXT, ZERO, quantise
from bots.trading.performance import Performance, summarise
from bots.trading.vocabulary import Side

log = structlog.get_logger(__name__)

PERIOD_S = 30
# Ratios are of at most this many points; drawdown is of every one.
POINTS = 500
_LOCK = 0x70657266
_STEPS_S = (30, 60, 300, 900, 3_600, 4 * 3_600, 86_400)

# Of what was won or lost and not of equity, so that a change of the bot's capital is no gain.
CURVE = """
SELECT bot_id, date_bin(make_interval(secs => %s), at, 'epoch') AS span,
       (array_agg(realised_pnl + unrealised_pnl ORDER BY at DESC))[1] AS last,
       max(realised_pnl + unrealised_pnl) AS best, max(maximum_drawdown) AS drawdown
FROM bots_performancesnapshot
WHERE bot_id = ANY(%s)
GROUP BY bot_id, span
ORDER BY bot_id, span
"""


class Curve(Struct, kw_only=True):
    """What a bot had won or lost at the end of each step, oldest first; its best ever; its deepest fall so far."""

    results: list[Decimal]
    peak: Decimal | None = None
    maximum_drawdown: float = 0.0


class Money(Struct, kw_only=True):
    """What trades and open positions of a bot add up to, in quote."""

    net_pnls: list[Decimal]
    open_realised: Decimal = ZERO
    unrealised: Decimal = ZERO
    fees: Decimal = ZERO


@transaction.atomic
def compute_performance(*, now: datetime) -> list[PerformanceSnapshot]:
    """Write a snapshot of each active bot and each that holds a position, and tell their owners after the commit.

    Run twice within half a period, the second run writes nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    just_now = PerformanceSnapshot.objects.filter(bot=OuterRef("pk"), at__gt=now - timedelta(seconds=PERIOD_S / 2))
    holds = Position.objects.open().filter(bot=OuterRef("pk"))
    bots = list(
        Bot.objects.filter(Q(state__in=(BotState.RUNNING, BotState.PAUSED)) | Exists(holds)).exclude(Exists(just_now))
    )
    money, step_s = money_of(bots), step_of(bots, now=now)
    curves = curves_of(bots, step_s=step_s)
    rows = [_snapshot(bot, measure(bot.capital, money[bot.pk], curves[bot.pk], step_s=step_s), now) for bot in bots]
    PerformanceSnapshot.objects.bulk_create(rows)
    events = [(bot.owner_id, "performanceUpdate", as_event(row)) for bot, row in zip(bots, rows, strict=True)]
    transaction.on_commit(lambda: publish(events))
    for bot, row in zip(bots, rows, strict=True):
        log.info(
            "[TRADING LOOP] performance", bot=bot.name, equity=f"{row.equity:.2f}", realised=f"{row.realised_pnl:.2f}",
            unrealised=f"{row.unrealised_pnl:.2f}", trades=row.trades, drawdown=f"{row.maximum_drawdown:.4f}",
        )  # fmt: skip
    return rows


def measure(capital: Decimal, money: Money, curve: Curve, *, step_s: int) -> Performance:
    """One bot's performance, the present included."""
    summary = summarise(
        capital=capital,
        net_pnls=money.net_pnls,
        open_realised=money.open_realised,
        unrealised=money.unrealised,
        fees=money.fees,
        equity_curve=[capital + result for result in curve.results],
        period_s=step_s,
    )
    peak = capital + max(ZERO, curve.peak or ZERO)
    now = float((peak - summary.equity) / peak)
    # The curve of the ratios is coarse: falls between its points are in the rows, and in the peak.
    return structs.replace(summary, maximum_drawdown=max(summary.maximum_drawdown, curve.maximum_drawdown, now))


def money_of(bots: Iterable[Bot]) -> dict[int, Money]:
    """By bot: closed trades, and open positions at their last mark."""
    found: dict[int, Money] = defaultdict(lambda: Money(net_pnls=[]))
    ids = [bot.pk for bot in bots]
    trades = Trade.objects.filter(bot__in=ids).order_by("closed_at", "pk")
    for bot_id, net_pnl, fees in trades.values_list("bot_id", "realised_pnl", "fees"):
        found[bot_id].net_pnls.append(net_pnl)
        found[bot_id].fees += fees
    for position in Position.objects.open().filter(bot__in=ids):
        money = found[position.bot_id]
        money.open_realised += position.realised_pnl - position.fees
        money.fees += position.fees
        money.unrealised += unrealised_of(position)
    return found


def unrealised_of(position: Position) -> Decimal:
    """At the last mark, before exit fees; nothing until there is one."""
    if position.mark_price is None:
        return ZERO
    value = CONTEXT.multiply(position.mark_price, position.quantity) - position.cost
    return quantise(Side(position.side).sign * value)


def step_of(bots: Iterable[Bot], *, now: datetime) -> int:
    """The seconds between points of the ratios: as few as make no more than POINTS since the oldest snapshot."""
    first = PerformanceSnapshot.objects.filter(bot__in=list(bots)).order_by("at").values_list("at", flat=True).first()
    age_s = (now - first).total_seconds() if first else 0
    return next((step for step in _STEPS_S if age_s / step <= POINTS), _STEPS_S[-1])


def curves_of(bots: Iterable[Bot], *, step_s: int) -> dict[int, Curve]:
    found: dict[int, Curve] = defaultdict(lambda: Curve(results=[]))
    with connection.cursor() as cursor:
        cursor.execute(CURVE, [step_s, [bot.pk for bot in bots]])
        for bot_id, _, last, best, drawdown in cursor.fetchall():
            curve = found[bot_id]
            curve.results.append(last)
            curve.peak = best if curve.peak is None else max(curve.peak, best)
            curve.maximum_drawdown = max(curve.maximum_drawdown, drawdown)
    return found


def _snapshot(bot: Bot, performance: Performance, now: datetime) -> PerformanceSnapshot:
    return PerformanceSnapshot(bot=bot, at=now, **structs.asdict(performance))


def as_event(row: PerformanceSnapshot) -> dict[str, Any]:
    """performanceUpdate."""
    money = ("equity", "realised_pnl", "unrealised_pnl", "fees")
    ratios = ("trades", "win_rate", "profit_factor", "sharpe", "sortino", "maximum_drawdown")
    return (
        {"bot_id": row.bot_id, "at": row.at.isoformat()}
        | {name: plain(getattr(row, name)) for name in money}
        | {name: getattr(row, name) for name in ratios}
    )
