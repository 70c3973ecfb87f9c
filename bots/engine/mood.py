"""What kind of market a decision was made in, and what a bot makes of it: stops, and the size of positions."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bots.engine.weights import regime_for
from bots.orders.load import BotConfig
from bots.trading.decide import Opinion
from bots.trading.limits import BotLimits
from marketdata.events import Timeframe
from quant.regime import MIN_BARS, RegimeState, stop_multiplier
from quant.size import Size, size_of
from quant.vector import SignalVector

# A stop is a fraction of the price below 1, however wild the market.
WIDEST_STOP = Decimal("0.95")
PLACES = Decimal("0.000001")


class Mood(Struct, frozen=True, kw_only=True):
    """`regimes` by timeframe, `regime` as the bot's own timeframes tell it; `stops` multiplies the distance of stops."""

    regimes: Mapping[Timeframe, RegimeState]
    regime: RegimeState
    adapted: bool
    stops: float
    size: Size

    def limits(self, limits: BotLimits) -> BotLimits:
        """The limits that an entry is planned by."""
        if self.stops == 1.0 and self.size.multiplier == 1.0:
            return limits
        return replace(
            limits,
            stop_loss=_scaled(limits.stop_loss, self.stops),
            trailing_stop=_scaled(limits.trailing_stop, self.stops),
            maximum_position_value=limits.maximum_position_value * Decimal(repr(self.size.multiplier)),
        )

    def sized(self, opinion: Opinion) -> Opinion:
        """The opinion that an entry is sized by."""
        if self.size.multiplier == 1.0:
            return opinion
        return replace(opinion, forecast=opinion.forecast * self.size.multiplier)

    def told(self) -> dict[str, Any]:
        """As plain values, for the trace."""
        return {
            "regimes": {frame: regime_told(state) for frame, state in self.regimes.items()},
            "regime": regime_told(self.regime),
            "adapted": self.adapted,
            "stop_multiplier": self.stops,
            "size": {"multiplier": self.size.multiplier, "text": self.size.text},
        }


def mood_of(config: BotConfig, vector: SignalVector) -> Mood:
    regime = regime_for(config, vector.regimes)
    return Mood(
        regimes=vector.regimes,
        regime=regime,
        adapted=config.adapt_to_regime,
        stops=stop_multiplier(regime) if config.adapt_to_regime else 1.0,
        size=size_of(vector),
    )


@lru_cache(maxsize=1_024)
def regime_told(state: RegimeState) -> dict[str, Any]:
    """As plain values, not to be changed: a state lasts for a bar, and every bot's trace tells it."""
    since = datetime.fromtimestamp(state.since_ns / 1e9, tz=UTC).isoformat() if state.since_ns else None
    return {
        "phase": state.phase.value,
        "direction": state.direction,
        "volatility": state.volatility.value,
        "quality": round(state.quality, 4),
        "score": None if state.score is None else round(state.score, 4),
        "bars": state.n_obs,
        "bars_needed": MIN_BARS,
        "since": since,
    }


def _scaled(fraction: Decimal, by: float) -> Decimal:
    return min((fraction * Decimal(repr(by))).quantize(PLACES), WIDEST_STOP)
