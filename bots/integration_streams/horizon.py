"""Up to which row a log is complete. Pure.

Ids are drawn before rows are committed: 8 may be there before 7, or 7 never, where its transaction was undone. Whoever
may still write 7 holds a lock on the table since before it was drawn. So a hole is passed only when everybody who held
one after the hole was seen has ended, and the rows were read once more.
"""

from collections.abc import Sequence


class Horizon:
    """What is known of the holes in one log."""

    def __init__(self) -> None:
        self._seen_upto = 0
        self._writers: frozenset[str] = frozenset()
        self._settled_upto = 0

    @property
    def is_waiting(self) -> bool:
        """Whether the writers must be asked for before the next reading."""
        return self._seen_upto > self._settled_upto

    def before_reading(self, writers: frozenset[str]) -> None:
        """Take the table's present writers: those from when the holes were seen may all have ended."""
        if not self._writers & writers:
            self._settled_upto = self._seen_upto

    def complete(self, ids: Sequence[int], *, after: int) -> int:
        """How many of these ids, ascending and all above `after`, have nothing missing before them."""
        expected = after + 1
        for i, found in enumerate(ids):
            if found != expected and found > self._settled_upto:
                return i
            expected = found + 1
        return len(ids)

    def after_reading(self, ids: Sequence[int], writers: frozenset[str]) -> None:
        """Holes were seen among these ids, and these are the writers now, asked for afterwards."""
        if not self.is_waiting:
            self._seen_upto, self._writers = ids[-1], writers
