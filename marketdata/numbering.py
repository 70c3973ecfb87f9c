"""Numbers that go back: one late record, or a record before them whose number was wrong?"""


class GoingOn:
    """Follows numbers that were refused for being old. In order, and for long enough, they are right."""

    __slots__ = ("_after_ns", "_count", "_in_a_row", "_newest", "_since_ns")

    def __init__(self, *, in_a_row: int, after_ns: int = 0) -> None:
        self._in_a_row = in_a_row
        self._after_ns = after_ns
        self._count = self._newest = self._since_ns = 0

    def refused(self, number: int, ts_init: int) -> bool:
        """Whether this one, and so those after it, should be believed after all."""
        if self._count and number > self._newest:
            self._count += 1
        else:
            self._count, self._since_ns = 1, ts_init
        self._newest = number
        return self._count >= self._in_a_row and ts_init - self._since_ns >= self._after_ns

    def accepted(self) -> None:
        """One was not old: those refused before it were late, each by itself."""
        self._count = 0
