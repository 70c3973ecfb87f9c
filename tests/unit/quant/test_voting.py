import math

import numpy as np
import pytest

from quant.edge import Costs, Edge, Evidence, edge_of
from quant.reading import Reading, missing
from quant.symbol_signals import SymbolSignals
from quant.voting import Family, LeftOut, VerdictCode, agreement, family_votes, left_out, validate
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


def test_learned_votes_are_a_family_of_their_own():
    values = array(math.nan, technical_1m=0.5, model=0.5, policy=0.5)
    votes = family_votes(COLUMNS, values, array(0.0, technical_1m=0.6, model=0.2, policy=0.2))
    assert votes[Family.LEARNED] == pytest.approx((0.5, 0.4))
    assert verdicts(values, array(0.0, technical_1m=0.6, model=0.4))[VerdictCode.FAMILIES].passed


def the_edge(edge, **changed):
    values = array(math.nan, technical_1m=0.5, speed=0.5)
    return verdicts(values, array(0.0, technical_1m=0.5, speed=0.5), edge=edge, **changed).get(VerdictCode.EDGE)


THIN = Edge(expected_bps=3.2, cost_bps=7.0, is_significant=True)


def test_the_edge_is_shown_and_refuses_only_where_it_is_asked_for_and_significant():
    assert the_edge(None) is None
    shown = the_edge(THIN)
    assert shown.passed
    assert shown.text == "edge is 3.20 bps, would need 10.50 bps: shown only, the gate is off"
    refused = the_edge(THIN, edge_gate=True)
    assert not refused.passed
    assert (refused.value, refused.limit) == (3.2, 10.5)
    assert refused.text == "edge is 3.20 bps, needs 10.50 bps"


def test_an_edge_without_significant_evidence_or_validators_refuses_nothing():
    doubtful = Edge(expected_bps=3.2, cost_bps=7.0, is_significant=False)
    assert the_edge(doubtful, edge_gate=True).text.endswith("shown only, its evidence is not significant")
    assert the_edge(doubtful, edge_gate=True).passed
    assert the_edge(THIN, edge_gate=True, validator_enabled=False).passed
    unknown = Edge(expected_bps=None, cost_bps=7.0, reason="insufficient evidence")
    assert the_edge(unknown, edge_gate=True).text == "edge is unknown (insufficient evidence), would need 10.50 bps"
    assert the_edge(unknown, edge_gate=True).passed


def test_an_edge_above_its_costs_passes_and_one_of_the_wrong_sign_does_not():
    assert the_edge(Edge(expected_bps=10.5, cost_bps=7.0, is_significant=True), edge_gate=True).passed
    assert not the_edge(Edge(expected_bps=-4.0, cost_bps=7.0, is_significant=True), edge_gate=True).passed


def test_a_minute_at_five_basis_points_earns_a_quarter_of_one():
    """The example of the design: a deviation of 5 bps, an information coefficient of .05, one standard deviation."""
    edge = edge_of(
        Evidence(ic=0.05, is_significant=True),
        forecast=-10.0 / math.sqrt(2.0 / math.pi),
        sigma_per_sqrt_s=5e-4 / math.sqrt(60.0),
        costs=Costs(fees_bps=9.0, half_spread_bps=0.8, impact_bps=0.2),
        horizon_s=60.0,
    )
    assert edge.expected_bps == pytest.approx(0.25)
    assert (edge.cost_bps, edge.needed_bps) == pytest.approx((10.0, 15.0))


def test_an_edge_that_cannot_be_known_says_why():
    costs = Costs(fees_bps=9.0, half_spread_bps=1.0)
    assert edge_of(None, forecast=10.0, sigma_per_sqrt_s=1e-4, costs=costs).reason == "insufficient evidence"
    some = Evidence(ic=0.05, is_significant=True)
    edge = edge_of(some, forecast=10.0, sigma_per_sqrt_s=None, costs=costs)
    assert (edge.expected_bps, edge.reason) == (None, "volatility is not known yet")


def test_who_has_no_vote_is_named_with_the_reason():
    now = 10_000_000_000
    said = {
        "technical 1m": missing("Insufficient live data: 3 of 50 bars"),
        "speed": Reading(value=0.5, quality=1.0, as_of=now - 7_100_000_000, n_obs=99),
        "microstructure": Reading(value=0.5, quality=1.0, as_of=now, n_obs=99),
        "policy": missing("no answer within 2000 ms"),
    }
    readings = [said.get(name, missing("")) for name in NAMES]
    found = left_out(
        COLUMNS,
        readings,
        array(0.0, microstructure=1.0),
        array(0.0, technical_1m=0.4, speed=0.2, microstructure=0.2, policy=0.2),
        now_ns=now,
    )
    assert found == (
        LeftOut(name="technical 1m", reason="Insufficient live data: 3 of 50 bars"),
        LeftOut(name="speed", reason="its last value is 7.1 s old"),
        LeftOut(name="policy", reason="no answer within 2000 ms"),
    )
