"""Options on a forward price (Black 1976). Volatilities and rates are annual fractions, times years."""

import math


def price(*, forward: float, strike: float, years: float, volatility: float, is_call: bool, rate: float = 0.0) -> float:
    """What the option is worth, in the unit of `forward`. Raises ValueError unless all but the rate is positive."""
    d1 = _d1(forward, strike, years, volatility)
    d2 = d1 - volatility * math.sqrt(years)
    call = forward * _normal(d1) - strike * _normal(d2)
    return math.exp(-rate * years) * (call if is_call else call - forward + strike)


def delta(*, forward: float, strike: float, years: float, volatility: float, is_call: bool, rate: float = 0.0) -> float:
    """How its price moves with the forward: 0 to 1 for a call, -1 to 0 for a put. Raises ValueError as `price`."""
    share = _normal(_d1(forward, strike, years, volatility))
    return math.exp(-rate * years) * (share if is_call else share - 1.0)


def _d1(forward: float, strike: float, years: float, volatility: float) -> float:
    if not (forward > 0 and strike > 0 and years > 0 and volatility > 0):
        raise ValueError(f"an option with {forward=}, {strike=}, {years=}, {volatility=} has no price")
    deviation = volatility * math.sqrt(years)
    return math.log(forward / strike) / deviation + deviation / 2.0


def _normal(value: float) -> float:
    return 0.5 * math.erfc(-value / math.sqrt(2.0))
