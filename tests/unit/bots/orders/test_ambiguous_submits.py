"""A thousand sendings whose answers say nothing: none is sent twice, none is called absent that is there."""

import pytest

from bots.orders.venue import absence, following
from bots.orders.venue.absence import missing
from tests.unit.bots.orders.ambiguous import run

SEEDS = 1_000
# A word of each condition's sentence: without it, orders that are there are called absent.
CONDITIONS = (
    "not found twice", "no look", "private stream", "open orders", "in the history",
    "no known order", "as if it had traded", "does not show",
)  # fmt: skip


def test_ambiguous_submits_are_never_doubled_nor_called_absent_falsely():
    totals: dict[str, int] = {}
    for seed in range(SEEDS):
        result = run(seed)
        assert not result.false_absent, f"seed {seed}: an order that is at the venue was called absent"
        assert not result.duplicates, f"seed {seed}: {result.arrivals} orders of one intent at the venue"
        assert not result.lost_fills, f"seed {seed}: an order ended without all its fills"
        for name in ("attempts", "arrivals", "absent", "unsettled", "found"):
            totals[name] = totals.get(name, 0) + getattr(result, name)
    print(f"ambiguous submits, seeds 0 to {SEEDS - 1}: {totals}; duplicates 0, false absent 0")
    assert totals["absent"] > SEEDS / 4, totals
    assert totals["arrivals"] > SEEDS / 4, totals


@pytest.mark.parametrize("condition", CONDITIONS)
def test_without_any_one_condition_orders_are_called_absent_falsely(monkeypatch, condition):
    def careless(known):
        return tuple(reason for reason in missing(known) if condition not in reason)

    monkeypatch.setattr(following, "missing", careless)
    assert any(run(seed).false_absent for seed in range(SEEDS)), f"nothing depends on {condition!r}"


def test_without_waiting_for_its_window_an_order_on_its_way_is_called_absent(monkeypatch):
    monkeypatch.setattr(absence, "ANSWER_MS", -2_000)
    monkeypatch.setattr(absence, "SKEW_MS", 0)
    assert any(run(seed).false_absent for seed in range(SEEDS))


def test_a_look_at_lists_that_lag_calls_orders_absent_falsely(monkeypatch):
    for module in (absence, following):
        monkeypatch.setattr(module, "look_from_ms", absence.window_ends_ms)
    assert any(run(seed).false_absent for seed in range(SEEDS))
