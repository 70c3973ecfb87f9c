"""The quant block: states of the market in which no entry is made, however good the blend looks."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from quant.reading import Component
from quant.symbol_signals import BROKEN_FEEDS, JUMP_DEVIATIONS
from quant.vector import Floats, SignalVector


class BlockCode(StrEnum):
    PRICE_JUMP = "price_jump"
    VOLATILITY = "volatility"
    SPREAD = "spread"
    DEPTH = "depth"
    STALE_QUOTE = "stale_quote"
    STALE_TRADE = "stale_trade"
    SKEW = "skew"
    FUNDING = "funding"
    IMPACT = "impact"
    FEED = "feed"
    TECHNICAL_ABSENT = "technical_absent"
    COVERAGE = "coverage"


class Block(Struct, frozen=True, kw_only=True):
    """One reason not to trade now."""

    code: BlockCode
    text: str


class BlockLimits(Struct, frozen=True, kw_only=True):
    """When to block. Priors of our own, to be replaced by what the evidence shows."""

    jump_cool_down_s: float = 15 * 60.0
    max_sigma_percentile: float = 0.95
    max_spread_ratio: float = 3.0
    # Where the spread is one tick, three ticks cost nothing yet.
    min_spread_bps: float = 1.0
    min_depth_ratio: float = 0.3
    quote_max_age_s: float = 5.0
    trade_max_age_s: float = 60.0
    max_late_ms: float = 500.0
    funding_margin_s: float = 5 * 60.0
    # A price impact this many times its median, while volume explains less of the moves than this.
    max_impact_ratio: float = 5.0
    min_impact_r2: float = 0.01


DEFAULT_LIMITS = BlockLimits()


def quant_block(
    vector: SignalVector,
    *,
    weights: Floats | None = None,
    coverage: float | None = None,
    min_coverage: float | None = None,
    limits: BlockLimits = DEFAULT_LIMITS,
) -> tuple[Block, ...]:
    """Every reason that stands, none if trading is free.

    weights: (columns,) of the bot: technical is absent when none of the technical columns it weighs has a reading;
    without weights, when no technical column has one. coverage counts where both it and its minimum are given (not
    for a bot whose validators are off).
    """
    blocks = [*_of_feed(vector, limits), *_of_market(vector, limits)]
    if _technical_absent(vector, weights):
        blocks.append(Block(code=BlockCode.TECHNICAL_ABSENT, text=_technical_reason(vector, weights)))
    if coverage is not None and min_coverage is not None and coverage < min_coverage:
        text = f"signals cover {coverage:.2f} of the weights, needs {min_coverage:.2f}"
        blocks.append(Block(code=BlockCode.COVERAGE, text=text))
    return tuple(blocks)


def _of_feed(vector: SignalVector, limits: BlockLimits) -> list[Block]:
    blocks = []
    if vector.feed_state in BROKEN_FEEDS:
        blocks.append(Block(code=BlockCode.FEED, text=f"the feed is {vector.feed_state}"))
    if vector.quote_ns is None or vector.mid is None:
        blocks.append(Block(code=BlockCode.STALE_QUOTE, text="no quote yet"))
    elif (age_s := (vector.now_ns - vector.quote_ns) / 1e9) > limits.quote_max_age_s:
        text = f"the quote is {age_s:.1f} s old, at most {limits.quote_max_age_s:g} s"
        blocks.append(Block(code=BlockCode.STALE_QUOTE, text=text))
    if vector.trade_ns is not None and (age_s := (vector.now_ns - vector.trade_ns) / 1e9) > limits.trade_max_age_s:
        text = f"the last print is {age_s:.0f} s old, at most {limits.trade_max_age_s:g} s"
        blocks.append(Block(code=BlockCode.STALE_TRADE, text=text))
    if vector.late_ms is not None and vector.late_ms > limits.max_late_ms:
        text = f"quotes arrive {vector.late_ms:.0f} ms later than they did, at most {limits.max_late_ms:g} ms"
        blocks.append(Block(code=BlockCode.SKEW, text=text))
    return blocks


def _of_market(vector: SignalVector, limits: BlockLimits) -> list[Block]:
    blocks = []
    if vector.jump_ns is not None:
        left_s = limits.jump_cool_down_s - (vector.now_ns - vector.jump_ns) / 1e9
        if left_s > 0.0:
            text = f"the price jumped by over {JUMP_DEVIATIONS:g} deviations in a minute: {left_s:.0f} s to cool down"
            blocks.append(Block(code=BlockCode.PRICE_JUMP, text=text))
    percentile = vector.sigma_percentile
    if percentile is not None and percentile > limits.max_sigma_percentile:
        text = f"volatility is at its {percentile:.0%} percentile, at most {limits.max_sigma_percentile:.0%}"
        blocks.append(Block(code=BlockCode.VOLATILITY, text=text))
    spread, usual = vector.spread_bps, vector.spread_median_bps
    if (
        spread is not None
        and usual is not None
        and spread > max(limits.max_spread_ratio * usual, limits.min_spread_bps)
    ):
        text = f"the spread is {spread:.2f} bps, over {limits.max_spread_ratio:g} times its median of {usual:.2f}"
        blocks.append(Block(code=BlockCode.SPREAD, text=text))
    depth, usual = vector.depth, vector.depth_median
    if depth is not None and usual is not None and depth < limits.min_depth_ratio * usual:
        text = f"the book holds {depth:.4g}, under {limits.min_depth_ratio:g} times its median of {usual:.4g}"
        blocks.append(Block(code=BlockCode.DEPTH, text=text))
    if vector.funding_ns is not None:
        away_s = (vector.funding_ns - vector.now_ns) / 1e9
        if abs(away_s) <= limits.funding_margin_s:
            when = f"in {away_s:.0f} s" if away_s >= 0.0 else f"{-away_s:.0f} s ago"
            text = f"funding is paid {when}: no entries within {limits.funding_margin_s:g} s of it"
            blocks.append(Block(code=BlockCode.FUNDING, text=text))
    return [*blocks, *_of_impact(vector, limits)]


def _of_impact(vector: SignalVector, limits: BlockLimits) -> list[Block]:
    parts = fresh_parts(vector, Component.MICROSTRUCTURE)
    impact, usual, r2 = parts.get("impact_bps"), parts.get("impact_median_bps"), parts.get("impact_r2")
    if impact is None or usual is None or r2 is None or usual <= 0.0:
        return []
    if impact <= limits.max_impact_ratio * usual or r2 >= limits.min_impact_r2:
        return []
    text = f"a unit moves the price by {impact:.3g} bps, over {limits.max_impact_ratio:g} times its median of {usual:.3g} bps"
    return [Block(code=BlockCode.IMPACT, text=f"{text}, and volume explains {r2:.1%} of the moves")]


def fresh_parts(vector: SignalVector, component: Component) -> Mapping[str, float | None]:
    """The figures behind a component's reading, none where it has aged out."""
    for i, column in enumerate(vector.columns):
        if column.component is component:
            return vector.readings[i].parts if vector.quality[i] > 0.0 else {}
    return {}


def _used(vector: SignalVector, weights: Floats | None) -> list[int]:
    return [
        i
        for i, column in enumerate(vector.columns)
        if column.component is Component.TECHNICAL and (weights is None or weights[i] > 0.0)
    ]


def _technical_absent(vector: SignalVector, weights: Floats | None) -> bool:
    used = _used(vector, weights)
    return bool(used) and all(vector.quality[i] <= 0.0 for i in used)


def _technical_reason(vector: SignalVector, weights: Floats | None) -> str:
    reading = vector.readings[_used(vector, weights)[0]]
    return reading.reason or "technical signals are out of date: no bar has closed lately"
