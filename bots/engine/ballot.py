"""The votes of several models, built in or remote, as one vote of their component. Pure."""

from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace

from quant.reading import Reading

SECOND_NS = 1_000_000_000


class Given(Struct, frozen=True, kw_only=True):
    """One voter's vote. `factor` in [0, 1] is how much of its weight it has, 0 in shadow; it is made every `bar_s`."""

    reading: Reading
    factor: float
    bar_s: float


class Counted(Struct, frozen=True, kw_only=True):
    """The vote of all; none where nobody votes."""

    reading: Reading | None = None
    factor: float = 1.0
    bar_s: float | None = None


class Ballot:
    """The newest vote of each voter of one component on one symbol."""

    def __init__(self) -> None:
        self._votes: dict[str, Given] = {}

    def put(self, voter: str, given: Given) -> None:
        self._votes[voter] = given

    def keep(self, voters: Collection[str]) -> bool:
        """Withdraw the votes of everybody else; whether there were any."""
        gone = [voter for voter in self._votes if voter not in voters]
        for voter in gone:
            del self._votes[voter]
        return bool(gone)

    def count(self, now_ns: int) -> Counted:
        """Mean of the votes by their factors, of those that still count: made within two of their bars."""
        current = {
            voter: given
            for voter, given in self._votes.items()
            if now_ns - given.reading.as_of <= 2.0 * given.bar_s * SECOND_NS and given.reading.value is not None
        }
        if not current:
            return Counted()
        if len(current) == 1:
            given = next(iter(current.values()))
            return Counted(reading=given.reading, factor=given.factor, bar_s=given.bar_s)
        # Those in shadow have no part in the mean of those that count.
        current = {voter: given for voter, given in current.items() if given.factor > 0.0} or current
        total = sum(given.factor for given in current.values()) or 1.0
        value = sum(given.factor * (given.reading.value or 0.0) for given in current.values()) / total
        strongest = max(current.values(), key=lambda given: given.factor)
        parts = {f"vote of {voter}": given.reading.value for voter, given in sorted(current.items())}
        reading = replace(
            strongest.reading,
            value=min(1.0, max(-1.0, value)),
            as_of=min(given.reading.as_of for given in current.values()),
            parts={**strongest.reading.parts, **parts},
        )
        return Counted(reading=reading, factor=strongest.factor, bar_s=max(given.bar_s for given in current.values()))
