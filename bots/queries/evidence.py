"""Weights of bots for the evidence, and the evidence as people may see it."""

from typing import cast

from django.conf import settings

from bots.models import Bot
from bots.models.choices import Evaluation
from marketdata.events import TIMEFRAME_SECONDS, Timeframe
from quant.evidence.blending import BlendSpec
from quant.reading import Component


def blend_specs() -> list[BlendSpec]:
    """The weights of every bot on each instrument of its watchlist, as the engine would weigh them."""
    found = []
    for bot in Bot.objects.prefetch_related("instruments__exchange"):
        components = {Component(name): float(weight) for name, weight in bot.component_weights.items()}
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
                )
            )
    return found
