"""What a bot weighs: its settings, what it has switched off, the regime where it follows it, and how much models count."""

from collections.abc import Mapping

from bots.orders.load import BotConfig
from marketdata.events import TIMEFRAME_SECONDS, Timeframe
from quant.blend import weight_row
from quant.reading import Component
from quant.regime import RegimeState, adapted_weights, regime_of
from quant.strategies import STRATEGIES
from quant.vector import Column, Floats

Factors = Mapping[Component, float]


def variant_of(config: BotConfig) -> tuple[str, ...]:
    """The strategies of technical that it leaves out, sorted; none where it leaves out technical altogether."""
    off = tuple(sorted(name for name in STRATEGIES if name in config.disabled_strategies))
    return off if len(off) < len(STRATEGIES) else ()


def regime_weights_of(config: BotConfig) -> dict[Timeframe, float]:
    """The timeframes that the bot's regime is told by, with their weights."""
    weights = config.regime_timeframes
    return {name: weights[name] for name in TIMEFRAME_SECONDS if weights.get(name, 0.0) > 0.0}


def regime_for(config: BotConfig, regimes: Mapping[Timeframe, RegimeState]) -> RegimeState:
    return regime_of(regimes, regime_weights_of(config))


def weights_of(
    config: BotConfig, columns: tuple[Column, ...], *, traditional_weight: float, quant_weight: float,
    regimes: Mapping[Timeframe, RegimeState], factors: Factors,
) -> Floats:  # fmt: skip
    """(columns,), adding up to 1. `factors`: by how much learned components count here. Raises ValueError as weight_row."""
    off = set(config.disabled_strategies)
    if off.issuperset(STRATEGIES):
        off.add(Component.TECHNICAL.value)
    weights = {
        Component(name): 0.0 if name in off else value * factors.get(Component(name), 1.0)
        for name, value in config.component_weights.items()
    }
    if config.adapt_to_regime:
        weights = dict(adapted_weights(weights, regime_for(config, regimes)))
    return weight_row(
        columns,
        component_weights=weights,
        timeframe_weights={name: config.timeframes[name] for name in TIMEFRAME_SECONDS if name in config.timeframes},
        strategy_weight_balance=config.strategy_weight_balance,
        traditional_weight=traditional_weight,
        quant_weight=quant_weight,
        forming=config.evaluation == "tick",
        without=variant_of(config),
    )
