import dataclasses
import math

import numpy as np
import pytest

from quant.blend import blend, weight_row
from quant.explain import reasoning, voices, what_would_trade
from quant.reading import Reading
from quant.symbol_signals import SymbolSignals
from quant.veto import Block, BlockCode
from quant.voting import LeftOut, Verdict, VerdictCode
from tests.unit.quant.market import IDS, SECOND, START, session, walk
from tests.unit.quant.slow_market import everything

TECHNICAL = {"trend": 0.62, "mean_reversion": -0.2, "adx": 31.0}
WEIGHTS = np.array([0.6, 0, 0, 0.4, 0, 0, 0, 0, 0, 0])


def vector(technical=TECHNICAL, micro=None):
    empty = SymbolSignals(**IDS).read(now_ns=START)
    readings = list(empty.readings)
    micro = micro or {"order_flow": 0.3, "trade_flow": None}
    readings[0] = Reading(value=0.35, quality=1.0, as_of=START, n_obs=500, parts=technical)
    readings[3] = Reading(value=0.3, quality=1.0, as_of=START, n_obs=500, parts=micro)
    return dataclasses.replace(empty, readings=tuple(readings))


def sentence(signals, signal=0.33, confidence=0.41, action="BUY"):
    return reasoning(
        action=action, vector=signals, weights=WEIGHTS, signal=signal, confidence=confidence, min_confidence=0.25
    )


def test_a_decision_in_one_sentence():
    assert sentence(vector()) == (
        "BUY: trend +0.62 and order flow +0.30 outweigh mean reversion -0.20; confidence 0.41 ≥ 0.25"
    )


def test_confidence_just_below_the_minimum_does_not_look_equal_to_it():
    assert sentence(vector(), confidence=0.248, action="HOLD").endswith("; confidence 0.248 < 0.250")


def test_one_voice_outweighs():
    signals = vector(micro={"order_flow": -0.3, "trade_flow": 0.001})
    assert sentence(signals) == (
        "BUY: trend +0.62 outweighs order flow -0.30 and mean reversion -0.20; confidence 0.41 ≥ 0.25"
    )


def test_nothing_against():
    signals = vector({"trend": -0.5, "mean_reversion": -0.4}, {"order_flow": -0.1})
    assert sentence(signals, signal=-0.4, action="SELL") == (
        "SELL: trend -0.50, mean reversion -0.40 and order flow -0.10, nothing against; confidence 0.41 ≥ 0.25"
    )


def test_nothing_to_say():
    empty = SymbolSignals(**IDS).read(now_ns=START)
    assert sentence(empty, signal=math.nan, confidence=0.0, action="HOLD") == (
        "HOLD: no signal has anything to say; confidence 0.00 < 0.25"
    )


def test_contributions_add_up_to_the_blend():
    found = voices(vector(), WEIGHTS)
    assert [voice.name for voice in found] == ["trend", "order flow", "mean reversion"]
    expected = 0.6 * (0.62 * 2 / 3 - 0.2 / 3) + 0.4 * 0.3
    assert sum(voice.contribution for voice in found) == pytest.approx(expected)


def verdict(code: VerdictCode, text: str = "", *, passed: bool = False) -> Verdict:
    return Verdict(code=code, passed=passed, value=0.1, limit=0.2, text=text)


def answer(signal=0.12, coverage=0.8, multiplier=1.25, verdicts=(), blocks=(), left_out=()):
    return what_would_trade(
        signal=signal,
        coverage=coverage,
        multiplier=multiplier,
        min_confidence=0.25,
        verdicts=verdicts,
        blocks=blocks,
        left_out=left_out,
    )


def test_what_the_blend_would_need():
    confidence = verdict(VerdictCode.CONFIDENCE)
    terms = "minimum confidence 0.25, coverage 0.80, multiplier 1.25"
    assert answer(verdicts=[confidence]) == f"blend is 0.12, needs 0.25: {terms}"
    assert answer(-0.12, verdicts=[confidence]) == f"blend is -0.12, needs -0.25: {terms}"


def test_a_coverage_that_cannot_reach_the_confidence_says_so():
    assert answer(0.9, 0.2, verdicts=[verdict(VerdictCode.CONFIDENCE)]) == (
        "blend is 0.90, and coverage 0.20 cannot reach confidence 0.25"
    )


def test_without_data_it_waits():
    assert answer(math.nan, 0.0, verdicts=[verdict(VerdictCode.CONFIDENCE)]) == (
        "no signal has a value: waiting for data"
    )


def test_blocks_come_first_and_nothing_is_said_twice():
    blocks = [Block(code=BlockCode.COVERAGE, text="too little is covered")]
    verdicts = [verdict(VerdictCode.COVERAGE, "coverage is low"), verdict(VerdictCode.AGREEMENT, "no agreement")]
    assert answer(verdicts=verdicts, blocks=blocks) == "too little is covered; no agreement"


def test_who_is_missing_is_told_where_more_would_help():
    missing = [
        LeftOut(name="speed", reason="no data: no quote yet"),
        LeftOut(name="model", reason="no model votes here"),
    ]
    families = verdict(VerdictCode.FAMILIES, "families with an opinion is 1, needs 2")
    assert answer(verdicts=[families], left_out=missing) == (
        "families with an opinion is 1, needs 2; left out: speed (no data: no quote yet), model (no model votes here)"
    )
    assert answer(verdicts=[verdict(VerdictCode.AGREEMENT, "no agreement")], left_out=missing) == "no agreement"


def test_nothing_is_in_the_way():
    assert answer(verdicts=[verdict(VerdictCode.CONFIDENCE, passed=True)]) == "nothing is in the way"


def test_every_sub_signal_of_a_full_market_adds_up_to_the_blend():
    now = START + 60 * SECOND
    signals = SymbolSignals(**IDS)
    signals.warm_up(walk(300, first=-299))
    signals.load_observations(everything(35, end=now))
    for event in session(60, start=START):
        signals.update(event)
    full = signals.read(now_ns=now)
    row = weight_row(full.columns, timeframe_weights={"1m": 1.0}, forming=False)
    blended = blend(row[None, :], full)
    found = voices(full, blended.effective_weights_of(0))
    assert sum(voice.contribution for voice in found) == pytest.approx(float(blended.signal[0]), rel=1e-9)
    names = {voice.name for voice in found}
    assert {"trend", "momentum", "volume", "liquidity", "smart money", "order flow", "velocity"} <= names
    assert {"quadrant", "funding", "long short", "delta flow", "skew", "sentiment", "volatility"} <= names
