import msgspec
import numpy as np
import pytest

from marketdata.events import QuoteTick
from quant.features.microprice import BINS, Chain, MicropriceTable, fit, solve
from tests.unit.quant.market import recorded_session


def toy_chain(bins=4):
    """Imbalance walks to its neighbours; the fuller side pushes the mid by half a tick, after which it is balanced."""
    q, r2 = np.zeros((bins, bins)), np.zeros((bins, bins))
    r1 = np.zeros((bins, 2))
    for i in range(bins):
        share = (i + 0.5) / bins
        for j in (i - 1, i + 1):
            q[i, min(max(j, 0), bins - 1)] += 0.35
        r1[i] = 0.3 * (1 - share), 0.3 * share
        r2[i, bins // 2 - 1] += 0.15
        r2[i, bins // 2] += 0.15
    return Chain(q=q, r1=r1, sizes=np.array([-0.5, 0.5]), r2=r2)


def test_toy_chain():
    chain = toy_chain()
    adjustment, b = solve(chain)
    assert b.sum(axis=1) == pytest.approx(1.0, abs=1e-14)
    assert np.abs(adjustment + adjustment[::-1]).max() <= 1e-14
    assert (np.diff(adjustment) > 0).all()
    # It converges to the fixed point G* = G1 + B·G*.
    first = np.linalg.solve(np.eye(4) - chain.q, chain.r1 @ chain.sizes)
    assert adjustment == pytest.approx(first + b @ adjustment, abs=1e-12)


def test_a_chain_that_never_moves_has_no_microprice():
    still = Chain(q=np.eye(2), r1=np.zeros((2, 1)), sizes=np.array([0.5]), r2=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="more quotes are needed"):
        solve(still)


def test_a_chain_that_drifts_does_not_converge():
    drifting = Chain(q=np.zeros((1, 1)), r1=np.ones((1, 1)), sizes=np.array([0.5]), r2=np.ones((1, 1)))
    with pytest.raises(ValueError, match="has not converged"):
        solve(drifting)


def recorded_quotes():
    quotes = [e for e in recorded_session() if isinstance(e, QuoteTick)]
    return np.array([(e.bid, e.bid_size, e.ask, e.ask_size) for e in quotes])


def test_the_fit_of_a_recorded_session_leans_to_the_fuller_side():
    quotes = recorded_quotes()
    table = fit(*quotes.T, tick=0.01)
    narrow = np.array(table.adjustments[0])
    assert (np.diff(narrow) > 0).all()
    assert narrow == pytest.approx(-narrow[::-1], abs=1e-14)
    assert 0.5 < narrow[-1] < 1.0
    assert table.n_quotes > 24_000
    # Where the mid goes next, against what the table says.
    bid, _, ask, _ = quotes.T
    mid = (bid + ask) / 2
    scores = np.array([table.score(*row) or 0.0 for row in quotes.tolist()])
    assert np.corrcoef(scores[:-50], np.sign(mid[50:] - mid[:-50]))[0, 1] > 0.1


def test_the_table_survives_storage():
    table = fit(*recorded_quotes()[:8000].T, tick=0.01)
    assert msgspec.json.decode(msgspec.json.encode(table), type=MicropriceTable) == table


TABLE = MicropriceTable(tick=0.5, bins=4, adjustments=((-0.4, -0.1, 0.1, 0.4), (-3.0, -0.2, 0.2, 3.0)), n_quotes=1000)


def test_lookup():
    assert TABLE.adjustment(100.0, 9.0, 100.5, 1.0) == pytest.approx(0.2)
    assert TABLE.score(100.0, 9.0, 100.5, 1.0) == pytest.approx(0.8)
    assert TABLE.score(100.0, 1.0, 101.0, 9.0) == -1.0


def test_a_balanced_book_leans_nowhere():
    assert TABLE.score(100.0, 3.0, 100.5, 3.0) == 0.0


@pytest.mark.parametrize("sizes", [(1.0, 9.0), (2.0, 6.0), (5.0, 4.0), (0.0, 7.0)])
def test_exchanged_sides_turn_it_round(sizes):
    there = TABLE.score(100.0, sizes[0], 100.5, sizes[1])
    assert there is not None
    assert TABLE.score(100.0, sizes[1], 100.5, sizes[0]) == -there


@pytest.mark.parametrize(
    "quote",
    [(100.0, 0.0, 100.5, 0.0), (100.0, 1.0, 103.0, 1.0), (100.0, 1.0, 100.0, 1.0), (100.0, float("nan"), 100.5, 1.0)],
)
def test_outside_the_table_there_is_no_microprice(quote):
    assert TABLE.score(*quote) is None


def test_the_fit_needs_quotes_and_moves():
    flat = np.tile([100.0, 1.0, 100.01, 2.0], (2000, 1))
    with pytest.raises(ValueError, match="the mid moved 0 times"):
        fit(*flat.T, tick=0.01)
    with pytest.raises(ValueError, match="900 usable quotes"):
        fit(*flat[:900].T, tick=0.01)
    with pytest.raises(ValueError, match="tick is 0"):
        fit(*flat.T, tick=0.0)


def test_unusable_quotes_are_left_out_of_the_fit():
    quotes = recorded_quotes()[:8000]
    spoiled = np.insert(quotes, 3000, [[np.nan] * 4, [0.0, 1.0, 0.01, 1.0], [101.0, 1.0, 100.0, 1.0]], axis=0)
    whole, other = fit(*quotes.T, tick=0.01), fit(*spoiled.T, tick=0.01)
    assert other.n_quotes == whole.n_quotes
    assert np.array(other.adjustments[0]) == pytest.approx(np.array(whole.adjustments[0]), abs=0.02)
    assert len(whole.adjustments[0]) == BINS
