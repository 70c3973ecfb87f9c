"""Splits in time of rows whose labels take time: nothing learned from may overlap what is judged.

Rows are sorted by `start_ns`; a label is known at `end_ns`. A row is kept from training where its span touches that of
a test block (purge), or begins within the embargo after it. On regular rows this is what counting rows does.
Source: López de Prado, Advances in Financial Machine Learning, ch. 7 and 12.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Places = NDArray[np.int64]


class TooFewRows(ValueError):
    """Fewer rows than the parts need."""


class Split(Struct, frozen=True, kw_only=True):
    """Places of rows. `tests` are the blocks of the test, each in time."""

    train: Places
    tests: tuple[Places, ...]

    @property
    def test(self) -> Places:
        return np.concatenate(self.tests)


def combinatorial(
    start_ns: Places, end_ns: Places, *, folds: int = 6, test_folds: int = 2, embargo_ns: int = 0
) -> Iterator[Split]:
    """Every choice of `test_folds` of `folds` blocks as test. Raises TooFewRows where a fold would have no row."""
    size = len(start_ns) // folds
    if size < 1 or not 0 < test_folds < folds:
        raise TooFewRows(f"{len(start_ns)} rows cannot be cut into {folds} folds with {test_folds} of them as test")
    fold = np.minimum(np.arange(len(start_ns)) // size, folds - 1)
    for chosen in combinations(range(folds), test_folds):
        is_test = np.isin(fold, chosen)
        train = ~is_test
        for begin, end in _runs(is_test):
            train &= ~_touches(start_ns, end_ns, begin, end, embargo_ns)
        yield Split(train=np.flatnonzero(train), tests=tuple(np.flatnonzero(fold == i) for i in chosen))


def walk_forward(
    start_ns: Places, end_ns: Places, *, splits: int = 5, first_train: int | None = None
) -> Iterator[Split]:
    """Train on all that was known when a test block begins; the blocks follow each other to the end of the rows.

    `first_train` rows come before the first block; a share of 1/(splits + 1) where it is None.
    """
    first = len(start_ns) // (splits + 1) if first_train is None else first_train
    size = (len(start_ns) - first) // splits
    if first < 1 or size < 1:
        raise TooFewRows(f"{len(start_ns)} rows are too few for {splits} blocks after {first}")
    for i in range(splits):
        begin = first + i * size
        end = len(start_ns) if i == splits - 1 else begin + size
        yield Split(train=known_before(end_ns, int(start_ns[begin]), stop=begin), tests=(np.arange(begin, end),))


def known_before(end_ns: Places, now_ns: int, *, stop: int) -> Places:
    """Rows before `stop` whose labels were known before `now_ns`."""
    return np.flatnonzero(end_ns[:stop] < now_ns)


def _runs(is_test: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, last) of every unbroken block of test rows."""
    edges = np.diff(np.concatenate(([0], is_test.astype(np.int8), [0])))
    return list(zip(np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True))


def _touches(start_ns: Places, end_ns: Places, begin: int, end: int, embargo_ns: int) -> NDArray[np.bool_]:
    last = int(end_ns[begin : end + 1].max()) + embargo_ns
    return np.asarray((start_ns <= last) & (end_ns >= start_ns[begin]))
