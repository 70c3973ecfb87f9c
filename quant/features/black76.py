"""Options on a forward price (Black 1976) and on a spot price (Black & Scholes 1973).

Volatilities and rates are annual fractions, times years. Every function raises ValueError unless forward, strike, years
and volatility are positive.
"""

import math

from marketdata.sources.black76 import delta, price

__all__ = ["black_scholes", "delta", "gamma", "price"]


def gamma(*, forward: float, strike: float, years: float, volatility: float, rate: float = 0.0) -> float:
    """How delta moves with the forward; the same for calls and puts."""
    if not (forward > 0 and strike > 0 and years > 0 and volatility > 0):
        raise ValueError(f"an option with {forward=}, {strike=}, {years=}, {volatility=} has no gamma")
    deviation = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / deviation + deviation / 2.0
    density = math.exp(-d1 * d1 / 2.0) / math.sqrt(2.0 * math.pi)
    return math.exp(-rate * years) * density / (forward * deviation)


def black_scholes(
    *, spot: float, strike: float, years: float, volatility: float, is_call: bool, rate: float = 0.0
) -> float:
    """What an option on the spot price is worth, without dividends."""
    forward = spot * math.exp(rate * years)
    return price(forward=forward, strike=strike, years=years, volatility=volatility, is_call=is_call, rate=rate)
