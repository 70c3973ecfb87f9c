"""The slow signals of a symbol as stored observations make them."""

from collections.abc import Iterable
from typing import NamedTuple

from marketdata.events import Event, Funding, Timeframe
from quant.failures import FAILURES
from quant.features.variance_premium import VariancePremium
from quant.reading import Component
from quant.signals.open_interest import MAX_INTERVAL_H
from quant.signals.volatility import Volatility
from quant.slow_signals import SlowSignals, in_order

HOUR_NS = 3_600_000_000_000


class Observed(NamedTuple):
    """To be taken by the symbol that they were made for."""

    slow: SlowSignals
    premium: VariancePremium
    funding: Funding | None


def observe(symbol: str, exist: Iterable[Component], base: Timeframe, events: Iterable[Event]) -> Observed:
    """From observations in any order."""
    slow, volatility, funding = SlowSignals(symbol, exist), Volatility(base), None
    for event in in_order(events):
        if slow.update(event):
            observe_premium(volatility, event)
            if isinstance(event, Funding):
                funding = event
    return Observed(slow, volatility.premium, funding)


def observe_premium(volatility: Volatility, event: Event) -> None:
    """Let the variance premium take an observation. It moves nothing: where it fails it begins anew, unmarked."""
    try:
        volatility.observe(event)
    except FAILURES:
        volatility.premium = VariancePremium()


def nearest_funding_ns(funding: Funding, now_ns: int) -> int:
    """The funding that is nearest to a moment: they come in equal steps from the last one known."""
    if not 0.0 < funding.interval_h <= MAX_INTERVAL_H:
        return funding.ts_event
    step_ns = max(1, int(funding.interval_h * HOUR_NS))
    return funding.ts_event + (now_ns - funding.ts_event + step_ns // 2) // step_ns * step_ns
