"""Weights of bots for the evidence, and the evidence as people may see it."""

from typing import cast

from django.conf import settings
from django.db.models import Count, Max, Min, Q, QuerySet

from bots.models import Bot, User
from bots.models.choices import Evaluation
from marketdata.events import TIMEFRAME_SECONDS, Timeframe
from marketdata.models import Subscription
from quant.evidence.blending import BlendSpec
from quant.models import EvidenceRow, SignalSample
from quant.reading import Component
from quant.strategies import STRATEGIES


def blend_specs() -> list[BlendSpec]:
    """The weights of every bot on each instrument of its watchlist, before a regime adapts them."""
    found = []
    for bot in Bot.objects.prefetch_related("instruments__exchange"):
        off = set(bot.disabled_strategies)
        if off.issuperset(STRATEGIES):
            off.add(Component.TECHNICAL)
        components = {
            Component(name): 0.0 if name in off else float(weight) for name, weight in bot.component_weights.items()
        }
        frames = {
            cast(Timeframe, name): float(weight)
            for name, weight in bot.timeframes.items()
            if name in TIMEFRAME_SECONDS and weight > 0
        }
        for instrument in bot.instruments.all():
            found.append(
                BlendSpec(
                    bot_id=bot.pk,
                    exchange=instrument.exchange.code,
                    symbol=instrument.symbol,
                    component_weights=components,
                    timeframe_weights=frames,
                    strategy_weight_balance=bot.strategy_weight_balance,
                    traditional_weight=settings.TRADITIONAL_SIGNAL_WEIGHT,
                    quant_weight=settings.QUANT_SIGNAL_WEIGHT,
                    forming=bot.evaluation == Evaluation.TICK,
                    without=() if Component.TECHNICAL in off else tuple(sorted(off & set(STRATEGIES))),
                )
            )
    return found


def visible_evidence(user: User) -> QuerySet[EvidenceRow]:
    """Of signals and votes for everybody; of blends only those of one's own bots."""
    own = Bot.objects.visible_to(user).values("pk")
    return EvidenceRow.objects.filter(Q(bot=None) | Q(bot__in=own))


def weighed_instruments() -> list[tuple[str, str]]:
    """(exchange, symbol) of what has evidence or is followed, so that it will have."""
    weighed = EvidenceRow.objects.order_by().values_list("exchange", "symbol").distinct()
    followed = Subscription.objects.order_by().values_list("exchange__code", "symbol").distinct()
    return sorted({*weighed, *followed})


def sampled(exchange: str, symbol: str) -> tuple[int, int | None, int | None]:
    """How many samples there are of an instrument, and the times of the first and the last in nanoseconds."""
    found = SignalSample.objects.filter(exchange=exchange, symbol=symbol).aggregate(
        n=Count("ts_event"), first=Min("ts_event"), last=Max("ts_event")
    )
    return found["n"], found["first"], found["last"]
