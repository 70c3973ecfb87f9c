import dataclasses
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from quant.reading import Component, Reading
from quant.symbol_signals import SymbolSignals
from quant.veto import BlockCode, BlockLimits, quant_block
from tests.unit.quant.market import IDS, SECOND, START, quote, walk

NOW = START + 300 * 60 * SECOND


@pytest.fixture(scope="module")
def calm():
    """A warm instrument with a fresh quote in a quiet market."""
    signals = SymbolSignals(**IDS)
    signals.warm_up(walk(300))
    signals.update(quote(NOW, 99.95, 100.05))
    usual: dict[str, Any] = {
        "spread_median_bps": 10.0,
        "depth": 9.0,
        "depth_median": 10.0,
        "sigma_percentile": 0.5,
        "trade_ns": NOW,
    }
    return dataclasses.replace(signals.read(now_ns=NOW), **usual)


def codes(vector, **changed):
    return {block.code for block in quant_block(vector, **changed)}


def test_a_quiet_market_is_free(calm):
    assert quant_block(calm) == ()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"jump_ns": NOW - 899 * SECOND}, BlockCode.PRICE_JUMP),
        ({"sigma_percentile": 0.96}, BlockCode.VOLATILITY),
        ({"spread_bps": 30.1}, BlockCode.SPREAD),
        ({"depth": 2.9}, BlockCode.DEPTH),
        ({"quote_ns": NOW - 6 * SECOND}, BlockCode.STALE_QUOTE),
        ({"quote_ns": None}, BlockCode.STALE_QUOTE),
        ({"mid": None}, BlockCode.STALE_QUOTE),
        ({"trade_ns": NOW - 61 * SECOND}, BlockCode.STALE_TRADE),
        ({"feed_state": "disconnected"}, BlockCode.FEED),
        ({"late_ms": 501.0}, BlockCode.SKEW),
        ({"funding_ns": NOW + 300 * SECOND}, BlockCode.FUNDING),
        ({"funding_ns": NOW - 300 * SECOND}, BlockCode.FUNDING),
        ({"quality": np.zeros(10)}, BlockCode.TECHNICAL_ABSENT),
    ],
)
def test_one_thing_wrong_is_one_block(calm, changed, code):
    assert codes(dataclasses.replace(calm, **changed)) == {code}


@pytest.mark.parametrize(
    "changed",
    [
        {"jump_ns": NOW - 900 * SECOND},
        {"sigma_percentile": 0.95},
        {"spread_bps": 30.0},
        {"spread_bps": 0.9, "spread_median_bps": 0.01},
        {"depth": 3.0},
        {"trade_ns": None},
        {"sigma_percentile": None, "depth": None, "depth_median": None, "spread_median_bps": None},
        {"feed_state": "fallback"},
        {"late_ms": 500.0},
        {"late_ms": None},
        {"funding_ns": NOW + 301 * SECOND},
        {"funding_ns": NOW - 301 * SECOND},
    ],
)
def test_up_to_its_limit_nothing_is_blocked(calm, changed):
    assert codes(dataclasses.replace(calm, **changed)) == set()


def with_impact(vector, *, quality: float = 1.0, **parts):
    at = [column.component for column in vector.columns].index(Component.MICROSTRUCTURE)
    readings = list(vector.readings)
    readings[at] = Reading(value=0.1, quality=1.0, as_of=NOW, n_obs=500, parts=parts)
    qualities = vector.quality.copy()
    qualities[at] = quality
    return dataclasses.replace(vector, readings=tuple(readings), quality=qualities)


def test_a_price_that_moves_without_volume_to_explain_it_is_blocked(calm):
    wild = {"impact_bps": 5.1, "impact_median_bps": 1.0, "impact_r2": 0.009}
    (block,) = quant_block(with_impact(calm, **wild))
    assert block.code is BlockCode.IMPACT
    assert block.text == (
        "a unit moves the price by 5.1 bps, over 5 times its median of 1 bps, and volume explains 0.9% of the moves"
    )
    for usual in ({"impact_bps": 5.0}, {"impact_r2": 0.01}, {"impact_median_bps": -1.0}, {"impact_median_bps": None}):
        assert codes(with_impact(calm, **{**wild, **usual})) == set()
    assert codes(with_impact(calm, quality=0.0, **wild)) == set()


def test_what_is_said_of_funding_names_the_time(calm):
    (soon,) = quant_block(dataclasses.replace(calm, funding_ns=NOW + 40 * SECOND))
    assert soon.text == "funding is paid in 40 s: no entries within 300 s of it"
    (past,) = quant_block(dataclasses.replace(calm, funding_ns=NOW - 40 * SECOND))
    assert past.text.startswith("funding is paid 40 s ago")


def test_quotes_that_fall_behind_are_seen_from_the_stream():
    signals = SymbolSignals(**IDS)
    signals.warm_up(walk(300))
    for i in range(60):
        late = 0 if i < 40 else 700_000_000
        ts = NOW + i * SECOND
        signals.update(structs.replace(quote(ts, update_id=i + 1), ts_event=ts - 20_000_000 - late))
    (block,) = quant_block(signals.read(now_ns=NOW + 59 * SECOND))
    assert block.text == "quotes arrive 700 ms later than they did, at most 500 ms"


def test_limits_are_settings(calm):
    strict = BlockLimits(max_sigma_percentile=0.4, min_depth_ratio=0.95)
    assert codes(calm, limits=strict) == {BlockCode.VOLATILITY, BlockCode.DEPTH}


def test_a_bot_that_does_not_weigh_technical_does_not_miss_it(calm):
    dead = dataclasses.replace(calm, quality=np.zeros(10))
    weights = np.array([0, 0, 0.5, 0.5, 0, 0, 0, 0, 0, 0])
    assert codes(dead, weights=weights) == set()


def test_absent_technical_says_why():
    signals = SymbolSignals(**IDS)
    signals.warm_up(walk(37))
    now = START + 37 * 60 * SECOND
    signals.update(quote(now))
    (block,) = quant_block(signals.read(now_ns=now))
    assert block.text == "Insufficient live data: 37 of 50 bars"


def test_technical_out_of_date_says_so(calm):
    blocks = quant_block(dataclasses.replace(calm, quality=np.zeros(10)))
    assert blocks[0].text == "technical signals are out of date: no bar has closed lately"


def test_coverage_blocks_where_it_is_given(calm):
    assert codes(calm, coverage=0.2, min_coverage=0.3) == {BlockCode.COVERAGE}
    assert codes(calm, coverage=0.3, min_coverage=0.3) == set()
