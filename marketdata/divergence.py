"""Do two sources of one price agree? Pure: prices and times in, a verdict out."""

from enum import StrEnum

_AFTER_NS = 5_000_000_000


class Verdict(StrEnum):
    AGREE = "agree"
    # Apart, but not for long enough to say so.
    APART = "apart"
    DIVERGED = "diverged"
    # One of them has no current price.
    UNKNOWN = "unknown"


class Divergence:
    """Compares two prices of one symbol over time. `limit_bps` is how far apart they may be for a while."""

    __slots__ = ("_limit", "_since_ns", "distance_bps", "verdict")

    def __init__(self, *, limit_bps: float) -> None:
        self._limit = limit_bps
        self._since_ns: int | None = None
        self.verdict = Verdict.UNKNOWN
        self.distance_bps = 0.0

    def compare(self, ours: float | None, other: float | None, *, now_ns: int) -> Verdict:
        """Take both prices, None where there is no current one.

        Diverged only after 5 s in a row; what cannot be compared says nothing about what was found before.
        """
        if ours is None or other is None or ours <= 0 or other <= 0:
            self._since_ns = None
            self.verdict = Verdict.UNKNOWN
            return self.verdict
        self.distance_bps = abs(ours / other - 1) * 1e4
        if self.distance_bps <= self._limit:
            self._since_ns = None
            self.verdict = Verdict.AGREE
            return self.verdict
        if self._since_ns is None:
            self._since_ns = now_ns
        self.verdict = Verdict.DIVERGED if now_ns - self._since_ns >= _AFTER_NS else Verdict.APART
        return self.verdict
