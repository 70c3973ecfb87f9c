"""What bots weigh: strategies switched off, regimes followed, learned components in part."""

from typing import Any

import numpy as np
import pytest

from bots.engine.books import AccountBooks, BotBooks
from bots.engine.mood import WIDEST_STOP, mood_of
from bots.engine.seats import Seats
from bots.engine.weights import variant_of, weights_of
from bots.trading.records import LeaseToken
from quant.reading import Component, Phase
from quant.regime import RegimeState, VolatilityState, stop_multiplier
from quant.strategies import STRATEGIES
from quant.symbol_signals import SymbolSignals
from tests.benchmarks.engine import bot_config
from tests.unit.quant.market import IDS, START, walk

SIGNALS = SymbolSignals(**IDS)
TREND = RegimeState(
    phase=Phase.TREND, direction=1.0, volatility=VolatilityState.EXTREME, quality=1.0, n_obs=500, score=0.8, since_ns=1
)


def weigh(
    *, regimes: Any = None, factors: Any = None, signals: SymbolSignals = SIGNALS, **changed: Any
) -> dict[str, float]:
    config = bot_config(1, **changed)
    row = weights_of(
        config, signals.columns, traditional_weight=0.5, quant_weight=0.5, regimes=regimes or {}, factors=factors or {}
    )
    return {column.name: weight for column, weight in zip(signals.columns, row.tolist(), strict=True) if weight}


BARS_AND_SPEED = {"evaluation": "bar_close", "component_weights": {"technical": 0.6, "speed": 0.4}}


def test_a_component_switched_off_weighs_nothing_whatever_its_weight() -> None:
    assert weigh(**BARS_AND_SPEED) == pytest.approx({"technical 1m": 0.6, "speed": 0.4})
    assert weigh(**BARS_AND_SPEED, disabled_strategies=("speed",)) == {"technical 1m": 1.0}


def test_a_strategy_switched_off_is_weighed_as_technical_without_it() -> None:
    signals = SymbolSignals(**IDS)
    signals.follow_variants([("trend",)])
    without = weigh(**BARS_AND_SPEED, disabled_strategies=("trend",), signals=signals)
    assert without == pytest.approx({"technical 1m without trend": 0.6, "speed": 0.4})


def test_with_all_its_strategies_off_technical_is_off() -> None:
    assert variant_of(bot_config(1, disabled_strategies=STRATEGIES)) == ()
    assert weigh(**BARS_AND_SPEED, disabled_strategies=STRATEGIES) == {"speed": 1.0}


def test_a_model_in_canary_weighs_a_quarter() -> None:
    weights = {"evaluation": "bar_close", "component_weights": {"technical": 1.0, "model": 1.0}}
    assert weigh(**weights, factors={Component.MODEL: 0.25}) == pytest.approx({"technical 1m": 0.8, "model": 0.2})
    assert weigh(**weights) == pytest.approx({"technical 1m": 0.5, "model": 0.5})


def test_only_bots_that_adapt_follow_the_regime() -> None:
    plain = weigh(**BARS_AND_SPEED, regimes={"5m": TREND}, regime_timeframes={"5m": 1.0})
    adapted = weigh(**BARS_AND_SPEED, regimes={"5m": TREND}, regime_timeframes={"5m": 1.0}, adapt_to_regime=True)
    assert plain == weigh(**BARS_AND_SPEED)
    # Trend: technical x1.2; extreme volatility: speed x.6.
    assert adapted == pytest.approx({"technical 1m": 0.72 / 0.96, "speed": 0.24 / 0.96})


def test_an_unknown_regime_changes_nothing() -> None:
    assert weigh(**BARS_AND_SPEED, adapt_to_regime=True) == weigh(**BARS_AND_SPEED)


def vector_in(state: RegimeState) -> Any:
    import dataclasses

    made = SymbolSignals(**IDS)
    made.warm_up(walk(60))
    return dataclasses.replace(made.read(now_ns=START), regimes={"5m": state})


def test_stops_are_wider_in_a_wild_trend_where_the_bot_adapts() -> None:
    config = bot_config(1, adapt_to_regime=True, regime_timeframes={"5m": 1.0})
    mood = mood_of(config, vector_in(TREND))
    by = stop_multiplier(TREND)
    assert by == pytest.approx(1.65)
    limits = mood.limits(config.limits)
    assert float(limits.stop_loss) == pytest.approx(float(config.limits.stop_loss) * by, rel=1e-4)
    assert limits.take_profit == config.limits.take_profit
    assert mood.told()["regime"]["phase"] == "trend"
    assert mood.told()["stop_multiplier"] == pytest.approx(by)
    still = mood_of(bot_config(1, regime_timeframes={"5m": 1.0}), vector_in(TREND))
    assert still.limits(config.limits) == config.limits


def test_a_stop_stays_below_the_whole_price() -> None:
    from decimal import Decimal

    from msgspec.structs import replace

    config = bot_config(1, adapt_to_regime=True, regime_timeframes={"5m": 1.0})
    wide = replace(config.limits, stop_loss=Decimal("0.9"))
    assert mood_of(config, vector_in(TREND)).limits(wide).stop_loss == WIDEST_STOP


def test_weighing_anew_keeps_what_is_known_of_the_seats() -> None:
    seats = Seats()
    for number, adapts in ((1, True), (2, False)):
        config = bot_config(number, adapt_to_regime=adapts, regime_timeframes={"5m": 1.0}, **BARS_AND_SPEED)
        bot = BotBooks(
            config=config,
            token=LeaseToken(bot_id=number, holder="test", epoch=1),
            account=AccountBooks(config=config.account),
        )
        seats.add(bot, config.instruments[0], now_ns=START)
    shares: dict[str, Any] = {"traditional_weight": 0.5, "quant_weight": 0.5}
    seats.rebuild(SIGNALS.columns, **shares)
    before = seats.weights.copy()
    seats.last_code[:] = 3
    seats.reweigh(SIGNALS.columns, **shares, regimes={"5m": TREND}, factors={})
    assert not np.array_equal(seats.weights[0], before[0])
    assert np.array_equal(seats.weights[1], before[1])
    assert seats.last_code.tolist() == [3, 3]
