import math

import numpy as np
import pytest

from quant.symbol_signals import SymbolSignals
from quant.voting import Family, VerdictCode, agreement, family_votes, validate
from tests.unit.quant.market import IDS

COLUMNS = SymbolSignals(**IDS, timeframes=("1m", "5m")).columns
NAMES = [column.name for column in COLUMNS]


def array(missing: float, **known: float) -> np.ndarray:
    return np.array([known.get(name.replace(" ", "_"), missing) for name in NAMES])


def verdicts(values, weights, **changed):
    given = {"coverage": 0.8, "confidence": 0.5, **changed}
    return {v.code: v for v in validate(columns=COLUMNS, values=values, weights=weights, **given)}


def test_families_that_agree_pass():
    values = array(math.nan, technical_1m=0.6, speed=0.4, microstructure=0.2)
    found = verdicts(values, array(0.0, technical_1m=0.6, speed=0.2, microstructure=0.2))
    assert all(verdict.passed for verdict in found.values())
    assert found[VerdictCode.AGREEMENT].value == 1.0
    assert found[VerdictCode.FAMILIES].value == 2


def test_a_family_has_one_voice_however_many_columns_it_has():
    values = array(math.nan, technical_1m=1.0, technical_5m=-1.0, speed=0.5)
    votes = family_votes(COLUMNS, values, array(0.0, technical_1m=0.4, technical_5m=0.4, speed=0.2))
    assert votes[Family.PRICE] == pytest.approx((0.0, 0.8))
    assert votes[Family.FLOW] == pytest.approx((0.5, 0.2))
    assert agreement(votes) == 1.0


def test_families_that_disagree_fail_with_the_figures():
    values = array(math.nan, technical_1m=0.5, speed=-0.5)
    found = verdicts(values, array(0.0, technical_1m=0.6, speed=0.4))
    assert found[VerdictCode.AGREEMENT].value == pytest.approx(0.2)
    assert found[VerdictCode.AGREEMENT].text == "agreement between families is 0.20, needs 0.60"
    assert not found[VerdictCode.AGREEMENT].passed


def test_one_family_alone_fails():
    values = array(math.nan, technical_1m=0.5, speed=0.0)
    found = verdicts(values, array(0.0, technical_1m=0.6, speed=0.4))
    assert found[VerdictCode.FAMILIES].text == "families with an opinion is 1, needs 2"


def test_coverage_and_confidence_have_the_bots_limits():
    values = array(math.nan, technical_1m=0.5, speed=0.5)
    weights = array(0.0, technical_1m=0.5, speed=0.5)
    found = verdicts(values, weights, coverage=0.3, confidence=0.25)
    assert found[VerdictCode.COVERAGE].passed
    assert found[VerdictCode.CONFIDENCE].text == "confidence 0.25 ≥ 0.25"
    found = verdicts(values, weights, coverage=0.3, confidence=0.25, min_coverage=0.4, min_confidence=0.6)
    assert not found[VerdictCode.COVERAGE].passed
    assert not found[VerdictCode.CONFIDENCE].passed
    found = verdicts(values, weights, coverage=0.396, confidence=0.6, min_coverage=0.4)
    assert found[VerdictCode.COVERAGE].text == "coverage is 0.396, needs 0.400"


def test_without_validators_confidence_remains():
    values = array(math.nan, technical_1m=0.5, speed=-0.5)
    weights = array(0.0, technical_1m=0.5, speed=0.5)
    found = verdicts(values, weights, coverage=0.0, confidence=0.1, validator_enabled=False)
    assert list(found) == [VerdictCode.CONFIDENCE]
    assert not found[VerdictCode.CONFIDENCE].passed


def test_no_opinion_at_all_does_not_agree():
    assert agreement({}) == 0.0
    assert agreement({Family.PRICE: (0.0, 1.0)}) == 0.0
