"""What one bot makes of a blend, and that asking all bots at once gives the same answers."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.trading.decide import Opinion, Proposal, Standing, decide, quick_codes, standing
from bots.trading.vocabulary import Action, ExitReason, Purpose, Side
from quant.voting import Verdict, VerdictCode

PASSED = Verdict(code=VerdictCode.AGREEMENT, passed=True, value=1.0, limit=0.6, text="agreement 1.00 ≥ 0.60")
FAILED = Verdict(code=VerdictCode.AGREEMENT, passed=False, value=0.2, limit=0.6, text="agreement is 0.20, needs 0.60")


def opinion(signal: float = 0.5, confidence: float = 0.4, minimum: float = 0.25) -> Opinion:
    return Opinion(
        signal=signal, coverage=1.0, multiplier=1.0, forecast=10.0, confidence=confidence, minimum_confidence=minimum
    )


def ask(
    seen: Opinion, *, held: Side | None = None, working: bool = False, can_short: bool = False, market: bool = True,
    verdicts: tuple[Verdict, ...] = (PASSED,),
) -> Proposal:  # fmt: skip
    code = standing(opinion=seen, held=held, working=working, can_short=can_short, has_market=market)
    return decide(code=code, opinion=seen, held=held, verdicts=verdicts)


def codes(proposal: Proposal) -> list[str]:
    return [reason.code for reason in proposal.reasons]


def test_a_confident_blend_that_points_up_enters() -> None:
    proposal = ask(opinion())
    assert (proposal.action, proposal.purpose, proposal.side) == (Action.BUY, Purpose.ENTRY, Side.BUY)


def test_confidence_at_the_minimum_is_enough() -> None:
    assert ask(opinion(confidence=0.25)).purpose is Purpose.ENTRY


def test_too_little_confidence_holds_and_says_how_much_is_needed() -> None:
    proposal = ask(opinion(confidence=0.2))
    assert proposal.action is Action.HOLD
    assert proposal.reasons[0].text == "confidence is 0.20, needs 0.25"
    assert ask(opinion(confidence=0.018, minimum=0.02)).reasons[0].text == "confidence is 0.018, needs 0.020"


def test_a_failed_validator_holds_with_its_words() -> None:
    proposal = ask(opinion(), verdicts=(FAILED,))
    assert proposal.purpose is None
    assert codes(proposal) == ["agreement"]


def test_a_blend_that_points_down_holds_where_short_is_not_possible() -> None:
    assert codes(ask(opinion(signal=-0.5))) == ["short"]


def test_a_blend_that_points_down_sells_where_short_is_possible() -> None:
    proposal = ask(opinion(signal=-0.5), can_short=True)
    assert (proposal.purpose, proposal.side) == (Purpose.ENTRY, Side.SELL)


@pytest.mark.parametrize(("held", "signal"), [(Side.BUY, -0.5), (Side.SELL, 0.5)])
def test_a_confident_reversal_leaves_the_position_even_when_voices_disagree(held: Side, signal: float) -> None:
    proposal = ask(opinion(signal=signal), held=held, verdicts=(FAILED,))
    assert (proposal.purpose, proposal.side) == (Purpose.EXIT, held.opposite)
    assert proposal.exit_reason is ExitReason.SIGNAL


def test_a_reversal_of_too_little_data_is_no_reason_to_leave() -> None:
    thin = Verdict(code=VerdictCode.COVERAGE, passed=False, value=0.15, limit=0.3, text="coverage is 0.15, needs 0.30")
    proposal = ask(opinion(signal=-0.5), held=Side.BUY, verdicts=(PASSED, thin))
    assert (proposal.purpose, codes(proposal)) == (None, ["coverage"])


@pytest.mark.parametrize("seen", [opinion(), opinion(signal=-0.5, confidence=0.1), opinion(signal=math.nan)])
def test_a_position_is_held_while_nothing_speaks_confidently_against_it(seen: Opinion) -> None:
    assert codes(ask(seen, held=Side.BUY)) == ["holding"]


def test_an_unknown_signal_holds() -> None:
    assert codes(ask(opinion(signal=math.nan, confidence=0.0))) == ["no_signal"]


def test_a_live_order_comes_first() -> None:
    assert codes(ask(opinion(signal=-0.5), held=Side.BUY, working=True)) == ["live_order"]


def test_without_a_market_nothing_trades_and_it_says_so() -> None:
    assert codes(ask(opinion(), held=Side.BUY, market=False)) == ["no_price"]


number = st.one_of(st.just(math.nan), st.floats(-1, 1))


@given(
    rows=st.lists(
        st.tuples(number, st.floats(0, 1), st.floats(0, 1), st.sampled_from([-1, 0, 1]), st.booleans()), min_size=1
    ),
    can_short=st.booleans(),
    has_market=st.booleans(),
)
def test_all_bots_at_once_are_answered_as_each_alone(
    rows: list[tuple[Any, ...]], can_short: bool, has_market: bool
) -> None:
    signal, confidence, minimum, held, working = (np.array(column) for column in zip(*rows, strict=True))
    together = quick_codes(
        signal=signal, confidence=confidence, minimum_confidence=minimum, held=held.astype(np.int8),
        working=working.astype(bool), can_short=can_short, has_market=has_market,
    )  # fmt: skip
    for i, row in enumerate(rows):
        side = {1: Side.BUY, -1: Side.SELL, 0: None}[row[3]]
        alone = standing(
            opinion=opinion(signal=row[0], confidence=row[1], minimum=row[2]), held=side, working=row[4],
            can_short=can_short, has_market=has_market,
        )  # fmt: skip
        assert together[i] == alone
        if alone is Standing.ENTRY:
            assert has_market
            assert not row[4]
            assert row[3] == 0
            assert row[1] >= row[2]
