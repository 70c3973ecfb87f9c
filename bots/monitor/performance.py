"""What each bot is worth and how it does: a snapshot every 30 s.

Nothing here grows with a bot's age: sums of its trades come with each of them (Standing), and how its result ran is kept
as peaks and moments (PerformanceState).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from msgspec import structs

from bots.broadcast import plain
from bots.models import Bot, BotState, PerformanceSnapshot, PerformanceState, Position, Standing
from bots.operations.speak import publish
from bots.trading.money import CONTEXT, ZERO, quantise
from bots.trading.performance import Totals, Track, advance, summarise
from bots.trading.vocabulary import Side

log = structlog.get_logger(__name__)

PERIOD_S = 30
_LOCK = 0x70657266
_TRACK = ("peak_result", "maximum_drawdown", "sampled_result", "returns", "mean", "squares", "downside", "elapsed_s")

# A baseline that was set meanwhile stays: only results that are better than it count.
SAVE = """
INSERT INTO bots_performancestate AS s (
    bot_id, baseline_peak, baseline_reason, peak_result, maximum_drawdown, sampled_at, sampled_result, returns, mean,
    squares, downside, elapsed_s)
SELECT t.bot_id, t.sampled_result, '', t.peak_result, t.maximum_drawdown, %(now)s, t.sampled_result, t.returns,
       t.mean, t.squares, t.downside, t.elapsed_s
FROM unnest(%(bot_ids)s::bigint[], %(peak_result)s::numeric[], %(maximum_drawdown)s::float8[],
            %(sampled_result)s::numeric[], %(returns)s::int[], %(mean)s::float8[], %(squares)s::float8[],
            %(downside)s::float8[], %(elapsed_s)s::float8[])
     AS t(bot_id, peak_result, maximum_drawdown, sampled_result, returns, mean, squares, downside, elapsed_s)
ORDER BY t.bot_id
ON CONFLICT (bot_id) DO UPDATE SET
    baseline_peak = greatest(s.baseline_peak, excluded.sampled_result), peak_result = excluded.peak_result,
    maximum_drawdown = excluded.maximum_drawdown, sampled_at = excluded.sampled_at,
    sampled_result = excluded.sampled_result, returns = excluded.returns, mean = excluded.mean,
    squares = excluded.squares, downside = excluded.downside, elapsed_s = excluded.elapsed_s
"""


@transaction.atomic
def compute_performance(*, now: datetime) -> list[PerformanceSnapshot]:
    """Write a snapshot of each active bot and each that holds a position, and tell their owners after the commit.

    Run twice within half a period, the second run writes nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    holds = Position.objects.open().filter(bot=OuterRef("pk"))
    just_now = PerformanceState.objects.filter(bot=OuterRef("pk"), sampled_at__gt=now - timedelta(seconds=PERIOD_S / 2))
    bots = list(
        Bot.objects.filter(Q(state__in=(BotState.RUNNING, BotState.PAUSED)) | Exists(holds)).exclude(Exists(just_now))
    )
    totals, states = totals_of(bots), PerformanceState.objects.in_bulk([bot.pk for bot in bots])
    tracks = {bot.pk: followed(bot.capital, totals[bot.pk], states.get(bot.pk), now=now) for bot in bots}
    rows = [
        PerformanceSnapshot(
            bot=bot,
            at=now,
            **structs.asdict(summarise(capital=bot.capital, totals=totals[bot.pk], track=tracks[bot.pk])),
        )
        for bot in bots
    ]
    PerformanceSnapshot.objects.bulk_create(rows, batch_size=500)
    _save(tracks, now)
    events = [(bot.owner_id, "performanceUpdate", as_event(row)) for bot, row in zip(bots, rows, strict=True)]
    transaction.on_commit(lambda: publish(events))
    for bot, row in zip(bots, rows, strict=True):
        log.info(
            "[TRADING LOOP] performance", bot=bot.name, equity=f"{row.equity:.2f}", realised=f"{row.realised_pnl:.2f}",
            unrealised=f"{row.unrealised_pnl:.2f}", trades=row.trades, drawdown=f"{row.maximum_drawdown:.4f}",
        )  # fmt: skip
    return rows


def followed(capital: Decimal, totals: Totals, state: PerformanceState | None, *, now: datetime) -> Track:
    """A bot's track with its present result. What happened while nobody looked counts as one return of one period."""
    if state is None:
        return advance(Track(), capital=capital, result=totals.result, elapsed_s=0)
    track = Track(**{name: getattr(state, name) for name in _TRACK})
    since_s = (now - state.sampled_at).total_seconds() if state.sampled_at else 0.0
    if since_s > 10 * PERIOD_S:
        since_s = PERIOD_S if totals.result != track.sampled_result else 0.0
    return advance(track, capital=capital, result=totals.result, elapsed_s=since_s)


def totals_of(bots: Iterable[Bot]) -> dict[int, Totals]:
    """By bot: what closed trades add up to, and open positions at their last mark."""
    ids = [bot.pk for bot in bots]
    found = dict.fromkeys(ids, Totals())
    for standing in Standing.objects.filter(bot__in=ids):
        found[standing.bot_id] = Totals(
            **{name: getattr(standing, name) for name in ("trades", "wins", "gained", "lost", "fees")}
        )
    for position in Position.objects.open().filter(bot__in=ids):
        totals = found[position.bot_id]
        found[position.bot_id] = structs.replace(
            totals,
            open_realised=totals.open_realised + position.realised_pnl - position.fees,
            fees=totals.fees + position.fees,
            unrealised=totals.unrealised + unrealised_of(position),
        )
    return found


def unrealised_of(position: Position) -> Decimal:
    """At the last mark, before exit fees; nothing until there is one."""
    if position.mark_price is None:
        return ZERO
    value = CONTEXT.multiply(position.mark_price, position.quantity) - position.cost
    return quantise(Side(position.side).sign * value)


def _save(tracks: dict[int, Track], now: datetime) -> None:
    values: dict[str, Any] = {name: [getattr(track, name) for track in tracks.values()] for name in _TRACK}
    with connection.cursor() as cursor:
        cursor.execute(SAVE, values | {"bot_ids": list(tracks), "now": now})


def as_event(row: PerformanceSnapshot) -> dict[str, Any]:
    """performanceUpdate."""
    money = ("equity", "realised_pnl", "unrealised_pnl", "fees")
    ratios = ("trades", "win_rate", "profit_factor", "sharpe", "sortino", "maximum_drawdown")
    return (
        {"bot_id": row.bot_id, "at": row.at.isoformat()}
        | {name: plain(getattr(row, name)) for name in money}
        | {name: getattr(row, name) for name in ratios}
    )
