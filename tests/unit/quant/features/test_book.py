from itertools import pairwise

import pytest

from quant.features.book import imbalance, order_flow, weighted_mid

# (bid, bid size, ask, ask size): the sequence of SIGNALS' vectors.
QUOTES = [
    (100.0, 5.0, 101.0, 4.0),
    (100.0, 8.0, 101.0, 4.0),
    (100.5, 2.0, 101.0, 3.0),
    (100.5, 2.0, 100.8, 6.0),
    (100.0, 7.0, 101.0, 1.0),
]


def test_order_flow_of_known_quotes():
    flows = [order_flow(before, after) for before, after in pairwise(QUOTES)]
    assert flows == [3.0, 3.0, -6.0, 4.0]


def test_order_flow_turns_round_when_the_sides_do():
    mirrored = [(200 - ask, ask_size, 200 - bid, bid_size) for bid, bid_size, ask, ask_size in QUOTES]
    for i in range(4):
        assert order_flow(mirrored[i], mirrored[i + 1]) == -order_flow(QUOTES[i], QUOTES[i + 1])


def test_weighted_mid_leans_to_the_thin_side():
    assert weighted_mid(100.0, 5.0, 101.0, 15.0) == 100.25
    assert weighted_mid(100.0, 0.0, 101.0, 0.0) is None


def test_imbalance_of_known_levels():
    assert imbalance([(100.0, 5.0), (99.0, 3.0)], [(101.0, 2.0), (102.0, 2.0)]) == pytest.approx(1 / 3)


def test_imbalance_counts_the_top_levels_only():
    bids = [(100.0 - i, 1.0) for i in range(5)] + [(90.0, 1000.0)]
    asks = [(101.0 + i, 1.0) for i in range(5)]
    assert imbalance(bids, asks) == 0.0


def test_imbalance_of_an_empty_book_is_missing():
    assert imbalance([(100.0, 0.0)], [(101.0, 0.0)]) is None
