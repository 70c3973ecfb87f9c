"""Prometheus' view of bots, orders and money, from the database: what all engines together did."""

from collections import Counter
from collections.abc import Iterator

from django.db.models import Count, OuterRef, Subquery
from prometheus_client.core import GaugeMetricFamily, Metric

from bots.models import Bot, Installation, Order, PerformanceSnapshot, Position
from bots.models.choices import BotState
from bots.trading.vocabulary import Ladder, OrderState

MAX_BOTS = 1_000


def trading_families() -> Iterator[Metric]:
    """Six queries, whatever the number of bots; labels are ids and fixed words, never names that people type."""
    orders = GaugeMetricFamily("orders_total", "Orders by the state that they are in.", labels=("status",))
    counted = dict(Order.objects.order_by().values_list("state").annotate(Count("pk")))
    for state in OrderState:
        orders.add_metric([state.value], counted.get(state.value, 0))
    yield orders
    yield from _kill_switch()
    yield GaugeMetricFamily("positions_open", "Positions that are open.", Position.objects.open().count())
    bots = GaugeMetricFamily("bots", "Bots by state.", labels=("state",))
    states = Counter(Bot.objects.values_list("state", flat=True))
    for value in BotState.values:
        bots.add_metric([value], states[value])
    yield bots
    yield from _performance()


def _kill_switch() -> Iterator[Metric]:
    ladder = Installation.objects.values_list("ladder", flat=True).filter(pk=1).first() or Ladder.ACTIVE
    yield GaugeMetricFamily(
        "kill_switch_active", "1 while trading is restricted everywhere.", int(ladder != Ladder.ACTIVE)
    )
    steps = GaugeMetricFamily("kill_switch_ladder", "1 for the step of the ladder that is on.", labels=("ladder",))
    for step in Ladder:
        steps.add_metric([step.value], int(step == ladder))
    yield steps


def _performance() -> Iterator[Metric]:
    newest = PerformanceSnapshot.objects.filter(bot=OuterRef("pk")).order_by("-at").values("pk")[:1]
    rows = PerformanceSnapshot.objects.filter(
        pk__in=Subquery(Bot.objects.exclude(state=BotState.STOPPED).annotate(newest=Subquery(newest)).values("newest"))
    )
    drawdown = GaugeMetricFamily("bot_drawdown", "Largest fall from a high of equity, a fraction.", labels=("bot",))
    equity = GaugeMetricFamily("bot_equity", "In the account's quote asset.", labels=("bot",))
    for row in rows.order_by("bot_id")[:MAX_BOTS]:
        drawdown.add_metric([str(row.bot_id)], row.maximum_drawdown)
        equity.add_metric([str(row.bot_id)], float(row.equity))
    yield from (drawdown, equity)
    exposure = GaugeMetricFamily("bot_exposure", "What open positions cost, in quote.", labels=("bot",))
    held: Counter[int] = Counter()
    for bot_id, cost in Position.objects.open().values_list("bot_id", "cost"):
        held[bot_id] += float(cost)  # type: ignore[assignment]
    for bot_id, cost in sorted(held.items())[:MAX_BOTS]:
        exposure.add_metric([str(bot_id)], cost)
    yield exposure
