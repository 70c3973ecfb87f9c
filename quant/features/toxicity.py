"""VPIN: how one-sided trading is, in buckets of equal volume, with the venue's own signs.

Source: Easley, López de Prado & O'Hara (2012). Unsigned: it sizes and blocks, it does not point.
"""

from collections import deque

BUCKETS = 50


class Vpin:
    """Mean over the last `buckets` full buckets of |bought - sold| / bucket volume; None until there are that many."""

    __slots__ = ("_bucket", "_buckets", "_filled", "_imbalances", "_net")

    def __init__(self, bucket_volume: float, buckets: int = BUCKETS) -> None:
        if not bucket_volume > 0.0:
            raise ValueError(f"bucket_volume is {bucket_volume}, must be above 0")
        self._bucket = bucket_volume
        self._buckets = buckets
        self._imbalances: deque[float] = deque(maxlen=buckets)
        self._filled = self._net = 0.0

    def update(self, sign: int, size: float) -> bool:
        """Take a print; one that overflows a bucket goes on in the next, and one of many buckets in as many as count.

        True when it filled a bucket.
        """
        left = size
        room = self._bucket - self._filled
        if left - room >= self._bucket * self._buckets:
            # Every bucket that will be remembered is full of this print.
            self._imbalances.extend([1.0] * self._buckets)
            self._net = 0.0
            self._filled = (left - room) % self._bucket
            self._net = sign * self._filled
            return True
        is_full = left >= room
        while left >= room:
            self._net += sign * room
            self._imbalances.append(abs(self._net) / self._bucket)
            left -= room
            self._filled = self._net = 0.0
            room = self._bucket
        self._filled += left
        self._net += sign * left
        return is_full

    @property
    def value(self) -> float | None:
        if len(self._imbalances) < self._buckets:
            return None
        return sum(self._imbalances) / self._buckets
