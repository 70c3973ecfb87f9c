"""Splits: no label that was learned from overlaps one that is judged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skfolio.model_selection import CombinatorialPurgedCV, WalkForward

from quant.learning.splits import TooFewRows, combinatorial, walk_forward

HOUR = 3_600_000_000_000


def regular(n, horizon):
    start = np.arange(n, dtype=np.int64) * HOUR
    return start, start + horizon * HOUR


@pytest.mark.parametrize(("horizon", "embargo"), [(0, 0), (3, 0), (5, 2), (1, 7)])
@pytest.mark.parametrize(("folds", "test_folds"), [(6, 2), (5, 2), (4, 3)])
def test_regular_rows_are_split_as_skfolio_splits_them(folds, test_folds, horizon, embargo):
    start, end = regular(203, horizon)
    if horizon == 0:
        # A label that is known at once still touches the row at its own time only.
        end = start
    theirs = CombinatorialPurgedCV(
        n_folds=folds, n_test_folds=test_folds, purged_size=horizon, embargo_size=embargo
    ).split(np.zeros((203, 1)))
    ours = combinatorial(start, end, folds=folds, test_folds=test_folds, embargo_ns=embargo * HOUR)
    expected = {(tuple(train), tuple(np.sort(np.concatenate(tests)))) for train, tests in theirs}
    assert {(tuple(split.train), tuple(np.sort(split.test))) for split in ours} == expected


@pytest.mark.parametrize("horizon", [0, 4, 11])
def test_walking_forward_is_that_of_skfolio_on_regular_rows(horizon):
    n, blocks, size = 200, 5, 32
    first = n - blocks * size
    start, end = regular(n, horizon)
    # Theirs leaves `purged_size` rows out between train and test.
    theirs = WalkForward(test_size=size, train_size=first - horizon, purged_size=horizon, expand_train=True)
    expected = [(train.tolist(), test.tolist()) for train, test in theirs.split(np.zeros((n, 1)))]
    ours = walk_forward(start, end, splits=blocks, first_train=first)
    assert [(split.train.tolist(), split.test.tolist()) for split in ours] == expected


rows = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 60)), min_size=30, max_size=120)


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(0, 30))
def test_nothing_learned_from_touches_what_is_judged(pairs, embargo):
    pairs = sorted(pairs)
    start = np.array([begin for begin, _ in pairs], dtype=np.int64)
    end = start + np.array([life for _, life in pairs], dtype=np.int64)
    for split in combinatorial(start, end, folds=6, test_folds=2, embargo_ns=embargo):
        assert not set(split.train) & set(split.test)
        for test in split.test:
            touching = (start[split.train] <= end[test] + embargo) & (end[split.train] >= start[test])
            assert not touching.any()
    for split in walk_forward(start, end, splits=3):
        assert (end[split.train] < start[split.test[0]]).all()


def test_too_few_rows_are_said():
    start, end = regular(4, 1)
    with pytest.raises(TooFewRows, match="4 rows cannot be cut into 6 folds"):
        list(combinatorial(start, end))
    with pytest.raises(TooFewRows, match="4 rows are too few"):
        list(walk_forward(start, end, splits=5))
