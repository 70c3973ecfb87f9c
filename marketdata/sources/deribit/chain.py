"""One number for each property of an option chain: the level of volatility, its skew and its term structure."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

from msgspec import Struct

from marketdata.events import OptionsSummary
from marketdata.sources.black76 import delta
from marketdata.sources.polling import NothingToDo

YEAR_NS = 365 * 86_400_000_000_000
DAY_NS = 86_400_000_000_000
# The smile of an expiry needs a few points, and its last hours say nothing about a month.
FEWEST_OF_EXPIRY = 4
SHORTEST_NS = 6 * 3_600_000_000_000
FEWEST_STRIKES = 10


class Option(Struct, frozen=True, kw_only=True):
    expiry_ns: int
    strike: float
    is_call: bool


class Quote(Struct, frozen=True, kw_only=True):
    """An option as the venue marks it: annual volatility as a fraction, 0 when unknown; volume and interest in base."""

    option: Option
    forward: float
    volatility: float
    volume: float
    open_interest: float


class Smile(Struct, frozen=True, kw_only=True):
    """An expiry's volatilities near the money and at the 25-delta call and put; a wing is None where none is quoted."""

    years: float
    strikes: int
    at_the_money: float
    call_25: float | None
    put_25: float | None


def summarise(
    quotes: Sequence[Quote], *, asset: str, index_price: float, source: str, ts_event: int, ts_init: int
) -> OptionsSummary:
    """The chain's volatility and skew at 30 days. Raises NothingToDo for a chain that is too thin."""
    smiles = smiles_of(quotes, now_ns=ts_event)
    around = _around(smiles, 30)
    strikes = sum(smile.strikes for smile in around)
    if len(around) < 2 or strikes < FEWEST_STRIKES:
        raise NothingToDo(f"{asset}: {strikes} strikes around 30 days to expiry, {FEWEST_STRIKES} are needed")
    level = at_maturity(smiles, 30, lambda smile: smile.at_the_money)
    call = at_maturity(smiles, 30, lambda smile: smile.call_25)
    put = at_maturity(smiles, 30, lambda smile: smile.put_25)
    if level is None or call is None or put is None:
        raise NothingToDo(f"{asset}: no options of 25 delta around 30 days to expiry")
    calls, puts = [item for item in quotes if item.option.is_call], [item for item in quotes if not item.option.is_call]
    return OptionsSummary(
        exchange=source,
        symbol=asset,
        iv_atm_30d=level,
        risk_reversal_25d=call - put,
        put_volume=math.fsum(item.volume for item in puts),
        call_volume=math.fsum(item.volume for item in calls),
        ts_event=ts_event,
        ts_init=ts_init,
        iv_7d=at_maturity(smiles, 7, lambda smile: smile.at_the_money),
        iv_90d=at_maturity(smiles, 90, lambda smile: smile.at_the_money),
        put_open_interest=math.fsum(item.open_interest for item in puts),
        call_open_interest=math.fsum(item.open_interest for item in calls),
        strikes=strikes,
        index_price=index_price,
    )


def smiles_of(quotes: Sequence[Quote], *, now_ns: int) -> list[Smile]:
    """The smiles of all expiries that have enough strikes on both sides of the forward, soonest first."""
    expiries: dict[int, list[Quote]] = defaultdict(list)
    for quote in quotes:
        if quote.volatility > 0 and quote.forward > 0 and quote.option.expiry_ns - now_ns >= SHORTEST_NS:
            expiries[quote.option.expiry_ns].append(quote)
    smiles = (_smile(expiries[expiry], (expiry - now_ns) / YEAR_NS) for expiry in sorted(expiries))
    return [smile for smile in smiles if smile is not None]


def at_maturity(smiles: Sequence[Smile], days: float, value: Callable[[Smile], float | None]) -> float | None:
    """A volatility at a constant maturity, linear in total variance between the expiries around it."""
    around = _around([smile for smile in smiles if value(smile) is not None], days)
    if len(around) < 2:
        return None
    near, far = around
    near_value, far_value = value(near), value(far)
    assert near_value is not None
    assert far_value is not None
    years = days / 365.0
    near_variance, far_variance = near_value**2 * near.years, far_value**2 * far.years
    share = (years - near.years) / (far.years - near.years)
    return math.sqrt((near_variance + (far_variance - near_variance) * share) / years)


def _around(smiles: Sequence[Smile], days: float) -> list[Smile]:
    """The last expiry up to `days` and the first one after; empty unless there are both."""
    years = days / 365.0
    near = [smile for smile in smiles if smile.years <= years]
    far = [smile for smile in smiles if smile.years > years]
    return [near[-1], far[0]] if near and far else []


def _smile(quotes: Sequence[Quote], years: float) -> Smile | None:
    # Where call and put of a strike are both marked, the one out of the money is traded more.
    by_strike: dict[float, Quote] = {}
    for quote in sorted(quotes, key=lambda item: item.option.is_call == (item.option.strike >= item.forward)):
        by_strike[quote.option.strike] = quote
    points = [by_strike[strike] for strike in sorted(by_strike)]
    if len(points) < FEWEST_OF_EXPIRY:
        return None
    volatilities = [point.volatility for point in points]
    distances = [math.log(point.option.strike / point.forward) for point in points]
    level = _crossing(distances, volatilities, 0.0)
    if level is None:
        return None
    deltas = [
        delta(
            forward=point.forward,
            strike=point.option.strike,
            years=years,
            volatility=point.volatility,
            is_call=True,
        )
        for point in points
    ]
    return Smile(
        years=years,
        strikes=len(points),
        at_the_money=level,
        call_25=_crossing(deltas, volatilities, 0.25),
        # A put has its call's delta less one.
        put_25=_crossing(deltas, volatilities, 0.75),
    )


def _crossing(xs: Sequence[float], ys: Sequence[float], at: float) -> float | None:
    """The value of `ys` where the line through `xs` first passes `at`, between two points."""
    for (x, y), (next_x, next_y) in pairwise(zip(xs, ys, strict=True)):
        if min(x, next_x) <= at <= max(x, next_x):
            return y if x == next_x else y + (next_y - y) * (at - x) / (next_x - x)
    return None
