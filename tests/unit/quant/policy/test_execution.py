"""What an execution cost, and what was seen before it."""

import pytest
from msgspec.structs import replace

from quant.policy.execution import EntryContext, Outcome, context_of, cost_of

BOUGHT = Outcome(side=1, arrival=100.0, quantity=2.0, filled=1.0, average=100.1, end=None, fees=0.2)


def test_buying_above_the_arrival_costs_and_so_do_fees():
    cost = cost_of(BOUGHT)
    assert (cost.shortfall_bps, cost.fee_bps) == (pytest.approx(10), pytest.approx(10))
    assert cost.reward_bps == pytest.approx(-20)


def test_a_sale_is_the_mirror():
    sold = replace(BOUGHT, side=-1, average=99.9)
    assert cost_of(sold).reward_bps == pytest.approx(cost_of(BOUGHT).reward_bps)


def test_what_was_not_filled_is_measured_by_the_price_it_missed():
    half = replace(BOUGHT, filled=0.5, average=99.9, end=101.0, fees=0.0)
    assert cost_of(half).shortfall_bps == pytest.approx(0.5 * -10 + 0.5 * 100)
    missed = replace(BOUGHT, filled=0.0, average=None, end=99.0, fees=0.0)
    assert cost_of(missed).reward_bps == pytest.approx(100)
    with pytest.raises(ValueError, match="no price"):
        cost_of(replace(half, end=None))


def test_one_outcome_cannot_decide():
    assert cost_of(replace(BOUGHT, average=150.0)).reward_bps == -200
    assert cost_of(replace(BOUGHT, average=50.0)).reward_bps == 200


def test_the_context_is_seen_in_the_direction_of_the_order():
    buy = EntryContext(side=1, spread_bps=5.0, volatility=0.75, imbalance=0.5, drift=-0.25)
    assert context_of(buy).tolist() == [1.0, 0.5, 0.5, 0.5, -0.25]
    assert context_of(replace(buy, side=-1)).tolist() == [1.0, 0.5, 0.5, -0.5, 0.25]


def test_what_is_not_known_is_zero_and_named():
    nothing = EntryContext(side=1, spread_bps=None, volatility=float("nan"), imbalance=None, drift=None)
    assert context_of(nothing).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert nothing.missing == ("spread", "volatility", "imbalance", "urgency")


def test_absurd_figures_are_bounded():
    wild = EntryContext(side=1, spread_bps=1e9, volatility=50.0, imbalance=-1e9, drift=1e9)
    assert context_of(wild).tolist() == [1.0, 3.0, 1.0, -1.0, 1.0]
